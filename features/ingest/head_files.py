"""Which of several files have the heads of orders, and which their lines: by their columns, whatever their names."""

from collections.abc import Sequence
from typing import Final

from features.contract import ORDERED_AT
from features.errors import InputError
from features.ingest.mapping import Heads, OrdersMapping
from features.ingest.reading import RawFile

HEADS: Final = "heads"
LINES: Final = "lines"


def kind_of(raw: RawFile, part: OrdersMapping, heads: Heads) -> str | None:
    """HEADS, LINES or neither. InputError if a file has some of the heads' columns, or the columns of both kinds."""
    own = {name.lower() for name in raw.names}
    here = [name for name in heads.columns if name.lower() in own]
    line_columns = _line_columns(part, heads)
    is_line = all({name.lower() for name in wanted} & own for wanted in line_columns)
    if heads.key.lower() not in own or not (here or is_line):
        return None
    if lacking := [name for name in heads.columns if here and name not in here]:
        raise InputError(
            f"{raw.path}: has {', '.join(here)} and lacks {', '.join(lacking)}: it is neither a whole file of orders nor one of their lines.",
            remedy="Leave those columns out, or export the file again with all of them.",
        )
    if here and is_line and len(line_columns) > 1:
        raise InputError(
            f"{raw.path}: has the columns of orders and of their lines at once.",
            remedy="Name the two kinds of files apart; if each line has its customer and time already, map them without heads.",
        )
    if not here and heads.ordered_at_from and ORDERED_AT in own:
        raise InputError(
            f"{raw.path}: has {ORDERED_AT}, which the mapping makes from the days between orders.",
            remedy="Leave ordered_at_from out of the mapping if that column is right, or rename it.",
        )
    return HEADS if here else LINES


def neither(raw: RawFile, part: OrdersMapping, heads: Heads) -> InputError:
    """What to say of a file of neither kind that was named itself."""
    return InputError(
        f"{raw.path} is neither a file of orders ({_head_names(heads)}) nor of their lines ({_line_names(part, heads)})."
        f" Its columns: {', '.join(raw.names)}.",
        remedy="Leave it out, or name it where it belongs, e.g. with --products.",
    )


def check_both(files: Sequence[tuple[RawFile, str]], part: OrdersMapping, heads: Heads) -> None:
    """Raises InputError unless there is a file of each kind."""
    kinds = [kind for _raw, kind in files]
    if HEADS in kinds and LINES in kinds:
        return
    missing = (
        f"the lines of the orders is missing: {_line_names(part, heads)}"
        if HEADS in kinds
        else f"the orders is missing: {_head_names(heads)}"
    )
    there = ", ".join(str(raw.path) for raw, _kind in files) or "none of either kind"
    raise InputError(f"The file with {missing}. Given: {there}.", remedy="Name it with --orders, too: the two belong together.")


def _line_columns(part: OrdersMapping, heads: Heads) -> list[tuple[str, ...]]:
    """What a file of lines must have: every mapped column that the heads do not give, each by one of its names."""
    return [(heads.key,), *(wanted for wanted in part.columns.values() if not {*heads.columns, heads.key} & set(wanted))]


def _head_names(heads: Heads) -> str:
    return f"columns {', '.join((heads.key, *heads.columns))}"


def _line_names(part: OrdersMapping, heads: Heads) -> str:
    return f"columns {', '.join(' or '.join(wanted) for wanted in _line_columns(part, heads))}"
