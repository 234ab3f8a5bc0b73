"""Which column of a file stands for which column of the contract, and which further columns are kept as attributes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from features.contract import CUSTOMER_ID, CUSTOMERS, EVENTS, LINE_KIND, ORDER_ID, ORDERS, VISITOR_ID, Column, Table
from features.errors import InputError
from features.ingest.mapping import AMOUNT, CONSENT_PREFIX, OrdersMapping, TableMapping, load_mapping
from features.ingest.preset_names import presets
from features.nearest import likely

SET_BY_INGEST = (ORDER_ID, LINE_KIND)


@dataclass(frozen=True)
class Binding:
    """Positions in the file, by the contract's column and by the attribute's name; `texts` are attributes that stay text."""

    columns: Mapping[str, int]
    attributes: Mapping[str, int]
    texts: frozenset[str] = frozenset()


def bind(names: tuple[str, ...], table: Table, part: TableMapping, path: Path) -> Binding:
    """Binds a file's columns, by the mapping first and by the contract's own names (whatever their case) after it.

    Raises InputError if a mapped column is not in the file, or if a required column is neither mapped nor there.
    """
    columns = {column: position_of(names, wanted, f"{path}: {table.name}.{column}") for column, wanted in part.columns.items()}
    taken = set(columns.values())
    for position, name in enumerate(names):
        own = name.lower()
        if position not in taken and own not in columns and (own in table.names or _is_consent(table, own)):
            columns[own] = position
    _require(columns, names, table, path)
    bound = set(columns.values())
    attributes = {_attribute(name, columns): i for i, name in enumerate(names) if name and i not in bound}
    return Binding(columns, attributes, frozenset(_derived(names, part, path)))


def column_of(table: Table, name: str) -> Column:
    """The contract's column of this name, an order line's total (a number), or a customer's consent to a channel (a flag)."""
    if table.name == ORDERS.name and name == AMOUNT:
        return Column(AMOUNT, "number", False, "price of the whole line before discount")
    if _is_consent(table, name):
        return Column(name, "flag", False, "may be contacted by this channel")
    return table.column(name)


def kept_name(binding_names: tuple[str, ...], part: TableMapping, source: str) -> str:
    """Under which name a file's column is kept in the table: the contract's where it is mapped, its own otherwise."""
    for column, wanted in part.columns.items():
        if source in wanted:
            return column
    own = source.lower()
    return own if own in binding_names else source


def position_of(names: tuple[str, ...], wanted: tuple[str, ...], where: str) -> int:
    """The place of the first of the `wanted` names that the file has, whatever its case; InputError, beginning with `where`, if it has none."""
    lowered = [name.lower() for name in names]
    for name in wanted:
        if name.strip().lower() in lowered:
            return lowered.index(name.strip().lower())
    said = " or ".join(repr(name) for name in wanted)
    raise InputError(f"{where}: the file has no column {said}{likely(wanted[0], names)}.", remedy=f"Its columns: {', '.join(names)}.")


def fitting_preset(names: tuple[str, ...], table: Table) -> str | None:
    """The preset whose columns for this table a file with these columns has, if there is one."""
    lowered = {name.lower() for name in names}
    for preset in presets():
        part = load_mapping(preset).table(table.name)
        needed: list[tuple[str, ...]] = list(part.columns.values())
        if isinstance(part, OrdersMapping) and part.heads:  # the lines' columns alone are too common to tell an export by
            needed = [(name,) for name in (part.heads.key, *part.heads.columns)]
        if needed and part.header and all({w.lower() for w in wanted} & lowered for wanted in needed):
            return preset
    return None


def _is_consent(table: Table, name: str) -> bool:
    return table.name == CUSTOMERS.name and name.startswith(CONSENT_PREFIX) and len(name) > len(CONSENT_PREFIX)


def _attribute(name: str, columns: Mapping[str, int]) -> str:
    return f"source_{name}" if name.lower() in columns or name.startswith("__") else name


def _derived(names: tuple[str, ...], part: TableMapping, path: Path) -> list[str]:
    derive = part.derive if isinstance(part, OrdersMapping) else {}
    sources = [(f"{path}: orders.derive.{t}.{column}", source) for t, columns in derive.items() for column, source in columns.items()]
    return [names[position_of(names, (source,), where)] for where, source in sources]


def _require(columns: Mapping[str, int], names: tuple[str, ...], table: Table, path: Path) -> None:
    needed = [c for c in table.required if table.name != ORDERS.name or c not in SET_BY_INGEST]
    missing = [c for c in needed if c not in columns]
    if table.name == EVENTS.name and not {CUSTOMER_ID, VISITOR_ID} & set(columns):
        missing.append(f"{CUSTOMER_ID} or {VISITOR_ID}")
    if not missing:
        return
    known = fitting_preset(names, table)
    guesses = ", ".join(f"{c}: {_guess(c, names)}" for c in missing if " or " not in c)
    remedy = (
        f"This looks like a known export: pass --mapping {known}."
        if known
        else f"Say in a mapping which columns they are: {{{table.name}: {{columns: {{{guesses or CUSTOMER_ID + ': ...'}}}}}}}."
    )
    raise InputError(
        f"{path}: {table.name} lacks {', '.join(missing)}. The file's columns: {', '.join(n or '(unnamed)' for n in names)}.", remedy=remedy
    )


def _guess(column: str, names: tuple[str, ...]) -> str:
    return likely(column, [n for n in names if n]).removeprefix(" (nearest: ").removesuffix(")") or "..."
