"""One customer's own rows as arrays: what is published for a customer, and what a request computes features from."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from features.contract import FEE, ONE_ORDER_HOURS, RETURN, SALE
from features.errors import InputError
from features.instants import microseconds

FORMAT: Final = 3
KINDS: Final = (SALE, RETURN, FEE)
_SALE: Final = KINDS.index(SALE)
_NO_LINE: Final = -1
_ONE_ORDER: Final = ONE_ORDER_HOURS * 3_600_000_000  # in microseconds

_LINES: Final = (
    ("at", "<i8"),
    ("kind", "<i4"),
    ("order", "<i4"),
    ("line", "<i4"),
    ("product", "<i4"),
    ("channel", "<i4"),
    ("store", "<i4"),
    ("quantity", "<f8"),
    ("unit_price", "<f8"),
    ("discount", "<f8"),
)
_ORDER, _LINE = 2, 3
_EVENTS: Final = (("at", "<i8"), ("known_at", "<i8"), ("type", "<i4"), ("product", "<i4"), ("value", "<f8"))
_CONTACTS: Final = (("at", "<i8"), ("decision", "<i4"), ("type", "<i4"))
TABLES: Final = (_LINES, _EVENTS, _CONTACTS)
"""(column, kind as NumPy names it) of lines, events and contacts, in the order in which `CustomerHistory.to_bytes` writes them."""

Arrays = Mapping[str, NDArray[Any]]
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Names:
    """What the codes of a history's rows stand for; -1 stands for none."""

    orders: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()
    event_types: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()
    contact_types: tuple[str, ...] = ()


@dataclass(frozen=True)
class CustomerHistory:
    """Order lines of all kinds, events and contacts, each sorted by instant.

    lines: at (microseconds, UTC), kind (index into KINDS), order, product, channel and store (indices into the names), line (which line of its
    order a posted one is, -1 for those of files), quantity, unit_price, discount (NaN for missing). events: at, known_at (from when on it may be
    used: later than at where a visitor was identified later), type, product, value. contacts: at, decision, type (contract.CONTACT for a decision that
    contacted the customer, or the type of an
    outcome of it). All arrays of a table have one length.
    """

    lines: Arrays
    events: Arrays
    contacts: Arrays
    names: Names = Names()

    @property
    def product_ids(self) -> tuple[str, ...]:
        """What the products' codes stand for."""
        return self.names.products

    @property
    def event_types(self) -> tuple[str, ...]:
        """What the events' types stand for."""
        return self.names.event_types

    @classmethod
    def empty(cls) -> Self:
        """The history of somebody never seen."""
        lines, events, contacts = ({name: np.empty(0, kind) for name, kind in columns} for columns in TABLES)
        return cls(lines, events, contacts)

    @classmethod
    def of(cls, lines: Rows, events: Rows = (), contacts: Rows = ()) -> Self:
        """A history from rows in the contract's columns; instants are naive UTC datetimes, a missing value is None."""
        return cls.empty().extended(lines, events, contacts)

    def extended(self, lines: Rows = (), events: Rows = (), contacts: Rows = ()) -> Self:
        """This history with newer rows. An order_id that comes again replaces that order's lines, as ingest does; where both were posted
        line by line, a line replaces the same line, as sync does.

        Sale lines of an order within a day of its first one are placed when that is, as ingest does, too.

        `contacts` are rows of decision_id, type and at; a decision that comes again replaces its earlier rows.
        """
        if not lines and not events and not contacts:
            return self
        codes = _codes(self.names)
        posted = [_line(row, codes) for row in lines]
        orders = {row[_ORDER] for row in posted}
        new = (
            _placed_at_once(posted + _other_lines(self.lines, posted, orders)),
            [_event(row, codes) for row in events],
            [
                (microseconds(row["at"]), codes["decisions"].of(row["decision_id"]), codes["contact_types"].of(row["type"]))
                for row in contacts
            ],
        )
        kept = (
            _without(self.lines, "order", list(orders)),
            self.events,
            _without(self.contacts, "decision", [codes["decisions"].of(row["decision_id"]) for row in contacts]),
        )
        own_lines, own_events, own = (_appended(old, rows, columns) for old, rows, columns in zip(kept, new, TABLES, strict=True))
        return type(self)(own_lines, own_events, own, Names(**{name: each.ids for name, each in codes.items()}))

    def before(self, as_of: datetime) -> Self:
        """Only what was known before `as_of`."""
        cut = microseconds(as_of)
        return type(self)(
            _where(self.lines, self.lines["at"] < cut),
            _where(self.events, self.events["known_at"] < cut),
            _where(self.contacts, self.contacts["at"] < cut),
            self.names,
        )

    def to_bytes(self) -> bytes:
        """A compact form: a JSON header line with the names and lengths, then the arrays as they lie in memory."""
        tables = (self.lines, self.events, self.contacts)
        header = {"format": FORMAT, "names": asdict(self.names), "rows": [len(table["at"]) for table in tables]}
        arrays = [table[name].astype(kind).tobytes() for table, columns in zip(tables, TABLES, strict=True) for name, kind in columns]
        return b"".join([json.dumps(header, ensure_ascii=False).encode(), b"\n", *arrays])

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The history that `to_bytes` wrote. InputError when another version wrote it."""
        end = data.index(b"\n")
        header = json.loads(data[:end])
        if header["format"] != FORMAT:
            raise InputError("A published history has another version's form.", remedy="Publish again: nextbest publish.")
        offset, tables = end + 1, list[Arrays]()
        for columns, rows in zip(TABLES, header["rows"], strict=True):
            table = {}
            for name, kind in columns:
                table[name] = np.frombuffer(data, kind, rows, offset)
                offset += rows * _SIZES[kind]
            tables.append(table)
        lines, events, contacts = tables
        return cls(lines, events, contacts, Names(**{name: tuple(ids) for name, ids in header["names"].items()}))


_SIZES: Final = {kind: np.dtype(kind).itemsize for kind in ("<i4", "<i8", "<f8")}


def _line(row: Mapping[str, Any], codes: Mapping[str, "_Codes"]) -> tuple[Any, ...]:
    return (
        microseconds(row["ordered_at"]),
        KINDS.index(row.get("line_kind") or SALE),
        codes["orders"].of(row["order_id"]),
        _NO_LINE if (line := row.get("line")) is None else int(line),
        codes["products"].of(row.get("product_id")),
        codes["channels"].of(row.get("channel")),
        codes["stores"].of(row.get("store_id")),
        _number(row.get("quantity")),
        _number(row.get("unit_price")),
        _number(row.get("discount_amount")),
    )


def _other_lines(lines: Arrays, posted: list[tuple[Any, ...]], orders: set[int]) -> list[tuple[Any, ...]]:
    """The lines here that were posted earlier, of orders of which other lines are posted now; a new line without a number stands for its whole order."""
    whole = {row[_ORDER] for row in posted if row[_LINE] == _NO_LINE}
    parts = list(orders - whole)
    if not parts or not len(lines["line"]):
        return []
    found = np.flatnonzero(np.isin(lines["order"], parts) & (lines["line"] != _NO_LINE))
    again = {(row[_ORDER], row[_LINE]) for row in posted}
    rows = [tuple(lines[name][place].item() for name, _ in _LINES) for place in found]
    return [row for row in rows if (row[_ORDER], row[_LINE]) not in again]


def _placed_at_once(lines: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Each order's sale lines at the time of the first, unless they are later than a day."""
    first: dict[int, int] = {}
    for at, kind, order, *_ in lines:
        if kind == _SALE and order >= 0:
            first[order] = min(at, first.get(order, at))
    return [
        (first[order], kind, order, *more) if kind == _SALE and order >= 0 and at <= first[order] + _ONE_ORDER else (at, kind, order, *more)
        for at, kind, order, *more in lines
    ]


def _event(row: Mapping[str, Any], codes: Mapping[str, "_Codes"]) -> tuple[Any, ...]:
    return (
        microseconds(row["occurred_at"]),
        microseconds(row.get("known_at") or row["occurred_at"]),
        codes["event_types"].of(row["event_type"]),
        codes["products"].of(row.get("product_id")),
        _number(row.get("value")),
    )


class _Codes:
    """Gives every id a number, old ones their old number."""

    def __init__(self, ids: tuple[str, ...]) -> None:
        self._codes = {name: code for code, name in enumerate(ids)}

    def of(self, name: str | None) -> int:
        return -1 if name is None else self._codes.setdefault(name, len(self._codes))

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._codes)


def _codes(names: Names) -> dict[str, _Codes]:
    return {field.name: _Codes(getattr(names, field.name)) for field in fields(Names)}


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _where(table: Arrays, kept: NDArray[np.bool_]) -> Arrays:
    return table if kept.all() else {name: column[kept] for name, column in table.items()}


def _without(table: Arrays, column: str, codes: list[int]) -> Arrays:
    return _where(table, ~np.isin(table[column], codes)) if codes else table


def _appended(old: Arrays, rows: Sequence[tuple[Any, ...]], columns: Sequence[tuple[str, str]]) -> Arrays:
    if not rows:
        return old
    new = zip(*rows, strict=True)
    joined = {name: np.concatenate([old[name], np.array(values, dtype=kind)]) for (name, kind), values in zip(columns, new, strict=True)}
    order = np.argsort(joined["at"], kind="stable")
    return {name: column[order] for name, column in joined.items()}
