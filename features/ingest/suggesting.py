"""A mapping suggested for a file: which of its columns are likely the contract's, by name and by content, and what is unsure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from features.contract import CUSTOMER_ID, DISCOUNT_AMOUNT, LINE_KIND, ORDER_ID, ORDERS, QUANTITY, TABLES, UNIT_PRICE, Column, Table
from features.ingest.binding import SET_BY_INGEST, column_of, fitting_preset
from features.ingest.likeness import date_formats, decimal_of, fits, looks_like_an_id, present, rank_of, resembles
from features.ingest.mapping import AMOUNT
from features.ingest.sampling import Sample, sample_of

_UNLIKE: Final = 1000
_BY_CONTENT: Final = "unsure: by its values alone"
_BY_LIKENESS: Final = "unsure: a similar name"


@dataclass(frozen=True)
class _Choice:
    """A column of the file for one of the contract, and what is unsure of it."""

    source: str
    doubt: str = ""


def suggest_mapping(path: Path) -> str:
    """A mapping for this file as YAML with comments: its table, its columns, how it is written, what is unsure and what is missing.

    Judges by the first 1,000 rows. Raises InputError if the file cannot be read.
    """
    sample = sample_of(path)
    found = {name: _choices(table, sample) for name, table in TABLES.items()}
    name = max(found, key=lambda n: len(found[n]) - len(_missing(TABLES[n], found[n])))
    return "\n".join(_lines(path, TABLES[name], sample, found[name])) + "\n"


def _choices(table: Table, sample: Sample) -> dict[str, _Choice]:
    values = {source: present(texts) for source, texts in sample.columns.items()}
    chosen = _by_name(table, values)
    if table.name == ORDERS.name and UNIT_PRICE in chosen:
        chosen.pop(AMOUNT, None)
    wanted = {c: column_of(table, c) for c in _missing(table, chosen)}
    if table.name == ORDERS.name and "names" in sample.options:
        wanted |= {c: column_of(table, c) for c in (QUANTITY, AMOUNT)}
    for name, column in wanted.items():
        if name == CUSTOMER_ID and table.name != ORDERS.name:
            continue
        free = [s for s in values if s not in {c.source for c in chosen.values()} and _may_be(column, values[s])]
        if free:
            chosen[name] = _Choice(free[0], _BY_CONTENT)
    return {c.name: chosen[c.name] for c in _columns(table) if c.name in chosen}


def _by_name(table: Table, values: dict[str, list[str]]) -> dict[str, _Choice]:
    """The best named columns whose values fit; each column of the file and of the contract once."""
    ranked = sorted(
        (rank, place, source)
        for place, column in enumerate(_columns(table))
        for source in values
        if (rank := _rank(source, column)) is not None and _named_rightly(column, values[source])
    )
    chosen: dict[str, _Choice] = {}
    for rank, place, source in ranked:
        name = _columns(table)[place].name
        if name not in chosen and source not in {c.source for c in chosen.values()}:
            chosen[name] = _Choice(source, _BY_LIKENESS if rank == _UNLIKE else _doubt(name, source))
    return chosen


def _rank(source: str, column: Column) -> int | None:
    exact = rank_of(source, column.name)
    if exact is not None or column.name == DISCOUNT_AMOUNT:  # what resembles it is mostly the discount of the order
        return exact
    return _UNLIKE if resembles(source, column.name) else None


def _named_rightly(column: Column, values: list[str]) -> bool:
    numbered = column.name != ORDER_ID or all(any(sign.isdigit() for sign in value) for value in values)
    return fits(values, column.kind) and numbered


def _may_be(column: Column, values: list[str]) -> bool:
    return looks_like_an_id(values) if column.name == CUSTOMER_ID else column.kind != "text" and fits(values, column.kind)


def _doubt(name: str, source: str) -> str:
    if name == DISCOUNT_AMOUNT:
        return "unsure: it must be the discount of the line, not of the order"
    if name == AMOUNT:
        return "unsure: it must be the price of the whole line, not of the order"
    return "unsure: an address stands for the customer" if name == CUSTOMER_ID and "mail" in source.lower() else ""


def _columns(table: Table) -> tuple[Column, ...]:
    own = tuple(c for c in table.columns if c.name != LINE_KIND and c.kind != "json")
    return (*own, column_of(table, AMOUNT)) if table.name == ORDERS.name else own


def _missing(table: Table, chosen: dict[str, _Choice]) -> list[str]:
    return [c for c in table.required if c not in chosen and (table.name != ORDERS.name or c not in SET_BY_INGEST)]


def _lines(path: Path, table: Table, sample: Sample, chosen: dict[str, _Choice]) -> Iterator[str]:
    yield f"# Suggested for {path.name}, from its first rows: look it over, save it, and pass it with --mapping."
    if preset := fitting_preset(tuple(sample.columns), table):
        yield f"# This looks like a known export: --mapping {preset} says more than what stands here."
    yield f"{table.name}:"
    yield "  columns:" if chosen else "  columns: {}"
    for name, choice in chosen.items():
        yield f"    {name}: {_said(choice.source)}{_remark(choice.doubt)}"
    for name in _missing(table, chosen):
        yield f"    # {name}: ...  # missing, and required: no column looks like it"
    for option, (value, doubt) in _options(table, sample, chosen).items():
        yield f"  {option}: {_said(value)}{_remark(doubt)}"
    if table.name == ORDERS.name:
        for status in [s for s in sample.columns if "status" in s.lower() or "cancel" in s.lower()]:
            words = ", ".join(list(dict.fromkeys(present(sample.columns[status])))[:5])
            yield f"  # {_said(status)} says {_said(words)}: if some of it is no purchase, leave_out: {{{_said(status)}: pattern}}"
    needless = {UNIT_PRICE, AMOUNT} if {UNIT_PRICE, AMOUNT} & set(chosen) else set()
    absent = [c.name for c in _columns(table) if c.name not in chosen and c.name not in needless and not c.required]
    kept = [s for s in sample.columns if s not in {c.source for c in chosen.values()}]
    yield f"  # not found, and not required: {', '.join(absent) or 'nothing'}"
    yield f"  # kept as attributes: {', '.join(_said(s) for s in kept) or 'nothing'}"


def _options(table: Table, sample: Sample, chosen: dict[str, _Choice]) -> dict[str, tuple[Any, str]]:
    """How the file is written, option by option, with what is unsure."""
    found: dict[str, tuple[Any, str]] = {
        option: (value, "unsure: not UTF-8" if option == "encoding" else "") for option, value in sample.options.items()
    }
    values = {name: present(sample.columns[choice.source]) for name, choice in chosen.items()}
    kinds = {name: column_of(table, name).kind for name in chosen}
    if "," in [decimal_of(values[name]) for name in chosen if kinds[name] == "number"]:
        found["decimal"] = (",", "")
    formats = [date_formats(values[name]) or () for name in chosen if kinds[name] == "instant"]
    if several := list(dict.fromkeys(f[0] for f in formats if f)):
        others = sorted({other for f in formats for other in f[1:]})
        found["date_format"] = (several[0] if len(several) == 1 else several, f"unsure: {', '.join(others)} fits, too" if others else "")
    if filled := _first_rows_only(table, sample, chosen):
        found["fill_down"] = (filled, "they stand on an order's first row only")
    return found


def _first_rows_only(table: Table, sample: Sample, chosen: dict[str, _Choice]) -> list[str]:
    """Mapped text and instants that are empty below the first row of an order, and only there."""
    if table.name != ORDERS.name or ORDER_ID not in chosen:
        return []
    orders = sample.columns[chosen[ORDER_ID].source]
    later = [i for i, order in enumerate(orders) if order in orders[:i]]
    sources = [choice.source for name, choice in chosen.items() if name in (CUSTOMER_ID, table.instant, "currency", "channel")]
    return [s for s in sources if later and not any(sample.columns[s][i].strip() for i in later)]


def _said(value: Any) -> str:
    """A value as YAML: JSON is YAML, too, and quotes what has signs in it."""
    return json.dumps(value, ensure_ascii=False)


def _remark(doubt: str) -> str:
    return f"  # {doubt}" if doubt else ""
