"""A file's rows as a contract table's: every column cast, completed and judged in one expression, which is computed once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, Final

import ibis

from features.contract import CURRENCY, ORDERS, RETURNED_ORDER_DERIVED, RETURNED_ORDER_ID, Column, Table
from features.ingest.binding import Binding, column_of
from features.ingest.casting import WAS_DECIMAL, as_text, quick, settled, text_of, value_of
from features.ingest.currencies import in_home_currency
from features.ingest.mapping import AMOUNT, OrdersMapping, TableMapping
from features.ingest.order_lines import complete, with_kinds
from features.ingest.order_rows import left_out
from features.ingest.reading import ROW, RawFile
from features.ingest.row_checks import LEFT_OUT, VOCABULARY, Problem, problems, text_name
from features.ingest.terms import Terms

PROBLEM: Final = "__problem"
REPAIRS: Final = "__repairs"
TOLD: Final = "__told"
BETWEEN: Final = "\x1f"
_QUICK, _RAW, _OUT = "__quick_", "__raw_", "__out"
_CHANGED: Final = "__changed"
_NO_TEXT: Final = ibis.null("string")


@dataclass(frozen=True)
class TypedRows:
    """Rows with the contract's columns, still unread; beside them, in as few columns as can be, what was found in each.

    PROBLEM is the number of its first problem in `problems`, or null. REPAIRS has one bit per reason of `repairs`. TOLD is the text that the
    problem is about; or, for a row without one, the texts that the first `told_count` repairs changed, separated by BETWEEN. `attributes`
    says per name in which column the attribute stands, mostly as text yet.
    """

    rows: ibis.Table
    problems: tuple[str, ...]
    repairs: tuple[str, ...]
    told_count: int
    attributes: Mapping[str, str]


def typed_rows(raw: RawFile, binding: Binding, table: Table, part: TableMapping, terms: Terms) -> TypedRows:
    """The rows of a file, and what may be wrong with them."""
    columns = [column_of(table, name) for name in binding.columns]
    rows = _cast(raw, binding, columns, part)
    texts = _texts(rows, columns)
    found = list(problems(rows, table, columns, texts, today=terms.today, currencies=_currencies(part, terms)))
    if isinstance(part, OrdersMapping) and part.leave_out:
        found.insert(0, Problem(LEFT_OUT, rows[_OUT], _NO_TEXT))
    ids = [c.name for c in columns if c.kind == "text" and c.name.endswith("_id")]
    repairs = {f"{name}: {WAS_DECIMAL}": rows[name] != texts[name] for name in ids}
    judged = rows.mutate(
        **{PROBLEM: ibis.cases(*((p.holds, ibis.literal(i, "int16")) for i, p in enumerate(found))), _CHANGED: _bits(repairs.values())}
    )
    told = ibis.literal(BETWEEN).join([judged[text_name(name)].fill_null("") for name in ids]) if ids else _NO_TEXT
    offender = ibis.cases(*((judged[PROBLEM] == i, p.text) for i, p in enumerate(found)))
    judged = judged.mutate(**{TOLD: ibis.cases((judged[PROBLEM].notnull(), offender), (judged[_CHANGED] > 0, told), else_=_NO_TEXT)})
    reasons = list(repairs)
    if isinstance(part, OrdersMapping):
        judged, more = _completed(judged, part, terms)
        reasons += more
        judged = judged.mutate(**{REPAIRS: judged[_CHANGED] + judged[REPAIRS] * (1 << len(repairs))})
    else:
        judged = judged.mutate(**{REPAIRS: judged[_CHANGED]})
    attributes = {name: f"__attribute_{i}" for name, i in binding.attributes.items()}
    kept = _kept(judged, table, columns, attributes.values())
    return TypedRows(judged.select(*kept), tuple(p.reason for p in found), tuple(reasons), len(repairs), attributes)


def _kept(rows: ibis.Table, table: Table, columns: list[Column], attributes: Iterable[str]) -> list[str]:
    named = [c.name for c in columns if table.name != ORDERS.name or c.name != AMOUNT]
    names = dict.fromkeys((*named, *(name for name in table.names if name in rows.columns)))
    return [*([ROW] if ROW in rows.columns else []), *names, *attributes, PROBLEM, REPAIRS, TOLD]


def _bits(conditions: Iterable[Any]) -> Any:
    """One number of all conditions: the first is its lowest bit."""
    each = [holds.ifelse(ibis.literal(1 << i, "int32"), ibis.literal(0, "int32")) for i, holds in enumerate(conditions)]
    return reduce(add, each, ibis.literal(0, "int32"))


def _currencies(part: TableMapping, terms: Terms) -> tuple[str, ...]:
    return (terms.currency, *(part.currencies if isinstance(part, OrdersMapping) else ()))


def _cast(raw: RawFile, binding: Binding, columns: list[Column], part: TableMapping) -> ibis.Table:
    """The contract's columns by name, their texts, and the attributes as text.

    What is used several times stands in a layer of its own, to be computed once: plain casts; what of them is settled; the texts of what is
    not; the values. Every text is there for a column without a plain cast; `__raw_...` has them all for one with.
    """
    read = {c.name: f"c{binding.columns[c.name]}" for c in columns}
    plain = {c.name: value for c in columns if (value := quick(raw.rows[read[c.name]], c, part, raw.signs)) is not None}
    rows = raw.rows.mutate(**{f"{_QUICK}{name}": value for name, value in plain.items()})
    rows = rows.mutate(**{f"{_QUICK}{name}": settled(rows[f"{_QUICK}{name}"], part) for name in plain})
    texts = {c.name: text_of(rows[read[c.name]], c, part, raw.blanks) for c in columns}
    texts |= {name: rows[f"{_QUICK}{name}"].isnull().ifelse(texts[name], _NO_TEXT) for name in plain}
    out = {_OUT: left_out(raw, part)} if isinstance(part, OrdersMapping) and part.leave_out else {}
    rows = rows.mutate(**{text_name(name): text for name, text in texts.items()}, **out)
    values = {c.name: value_of(rows[read[c.name]], rows[text_name(c.name)], c, part) for c in columns}
    values |= {name: ibis.coalesce(rows[f"{_QUICK}{name}"], values[name]) for name in plain}
    attributes = {f"__attribute_{i}": _attribute(rows[f"c{i}"], raw.blanks) for i in binding.attributes.values()}
    kept = [*((ROW,) if ROW in rows.columns else ()), *map(text_name, texts), *out]
    sources = {f"{_RAW}{name}": rows[read[name]] for name in plain}
    return rows.select(*kept, **sources, **{name: _normal(name, value) for name, value in values.items()}, **attributes)


def _texts(rows: ibis.Table, columns: list[Column]) -> dict[str, Any]:
    """Per column the text that a user should see."""
    whole = {c.name: rows[f"{_RAW}{c.name}"] for c in columns if f"{_RAW}{c.name}" in rows.columns}
    return {c.name: whole.get(c.name, rows[text_name(c.name)]) for c in columns}


def _attribute(raw: Any, blanks: str) -> Any:
    kind = raw.type()
    return raw if kind.is_numeric() or kind.is_boolean() else as_text(raw, blanks).nullif("")


def _normal(name: str, value: Any) -> Any:
    if name in VOCABULARY:
        return value.lower()
    return value.upper() if name == CURRENCY else value


def _completed(rows: ibis.Table, part: OrdersMapping, terms: Terms) -> tuple[ibis.Table, list[str]]:
    """Order lines with what the file leaves open, in the home's currency; what was done to them, as bits (REPAIRS), and its reasons."""
    rows, converted = in_home_currency(rows, part, terms.currency)
    lines = complete(rows := with_kinds(rows, part), part)
    done = {**converted, **lines.repairs}
    derived = {}
    if {RETURNED_ORDER_ID, RETURNED_ORDER_DERIVED} <= set(rows.columns):  # it comes from a home: what was derived there is derived here
        derived = {RETURNED_ORDER_ID: rows[RETURNED_ORDER_DERIVED].fill_null(False).ifelse(_NO_TEXT, rows[RETURNED_ORDER_ID])}
    return rows.mutate(**lines.columns, **derived, **{REPAIRS: _bits(done.values())}), list(done)
