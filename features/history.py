"""One customer's own rows as arrays: what is published for a customer, and what a request computes features from."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from features.contract import FEE, RETURN, SALE
from features.errors import InputError
from features.instants import microseconds

FORMAT: Final = 1
KINDS: Final = (SALE, RETURN, FEE)

_LINES: Final = (
    ("at", "<i8"),
    ("kind", "<i4"),
    ("order", "<i4"),
    ("product", "<i4"),
    ("quantity", "<f8"),
    ("unit_price", "<f8"),
    ("discount", "<f8"),
)
_EVENTS: Final = (("at", "<i8"), ("known_at", "<i8"), ("type", "<i4"), ("product", "<i4"), ("value", "<f8"))

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class CustomerHistory:
    """Order lines of all kinds and events, each sorted by instant.

    lines: at (microseconds, UTC), kind (index into KINDS), order and product (indices into order_ids and product_ids, -1 for
    none), quantity, unit_price, discount (NaN for missing). events: at, known_at (from when on it may be used: later than at
    where a visitor was identified later), type (index into event_types), product, value. All arrays of a table have one length.
    """

    lines: Arrays
    events: Arrays
    order_ids: tuple[str, ...] = ()
    product_ids: tuple[str, ...] = ()
    event_types: tuple[str, ...] = ()

    @classmethod
    def empty(cls) -> Self:
        """The history of somebody never seen."""
        return cls({name: np.empty(0, kind) for name, kind in _LINES}, {name: np.empty(0, kind) for name, kind in _EVENTS})

    @classmethod
    def of(cls, lines: Sequence[Mapping[str, Any]], events: Sequence[Mapping[str, Any]] = ()) -> Self:
        """A history from rows in the contract's columns; instants are naive UTC datetimes, a missing value is None."""
        return cls.empty().extended(lines, events)

    def extended(self, lines: Sequence[Mapping[str, Any]] = (), events: Sequence[Mapping[str, Any]] = ()) -> Self:
        """This history with newer rows. An order_id that comes again replaces that order's lines, as ingest does."""
        if not lines and not events:
            return self
        orders, products, types = _Codes(self.order_ids), _Codes(self.product_ids), _Codes(self.event_types)
        replaced = np.isin(self.lines["order"], [orders.of(row["order_id"]) for row in lines])
        kept = {name: column[~replaced] for name, column in self.lines.items()}
        new_lines = [
            (
                microseconds(row["ordered_at"]),
                KINDS.index(row.get("line_kind") or SALE),
                orders.of(row["order_id"]),
                products.of(row.get("product_id")),
                _number(row.get("quantity")),
                _number(row.get("unit_price")),
                _number(row.get("discount_amount")),
            )
            for row in lines
        ]
        new_events = [
            (
                microseconds(row["occurred_at"]),
                microseconds(row.get("known_at") or row["occurred_at"]),
                types.of(row["event_type"]),
                products.of(row.get("product_id")),
                _number(row.get("value")),
            )
            for row in events
        ]
        return type(self)(
            _appended(kept, new_lines, _LINES), _appended(self.events, new_events, _EVENTS), orders.ids, products.ids, types.ids
        )

    def before(self, as_of: datetime) -> Self:
        """Only what was known before `as_of`."""
        cut = microseconds(as_of)
        lines = {name: column[self.lines["at"] < cut] for name, column in self.lines.items()}
        events = {name: column[self.events["known_at"] < cut] for name, column in self.events.items()}
        return type(self)(lines, events, self.order_ids, self.product_ids, self.event_types)

    def to_bytes(self) -> bytes:
        """A compact form: a JSON header line with the ids and lengths, then the arrays as they lie in memory."""
        header = {
            "format": FORMAT,
            "order_ids": self.order_ids,
            "product_ids": self.product_ids,
            "event_types": self.event_types,
            "lines": len(self.lines["at"]),
            "events": len(self.events["at"]),
        }
        tables = ((self.lines, _LINES), (self.events, _EVENTS))
        arrays = [table[name].astype(kind).tobytes() for table, columns in tables for name, kind in columns]
        return b"".join([json.dumps(header, ensure_ascii=False).encode(), b"\n", *arrays])

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The history that `to_bytes` wrote. InputError when another version wrote it."""
        end = data.index(b"\n")
        header = json.loads(data[:end])
        if header["format"] != FORMAT:
            raise InputError("A published history has another version's form.", remedy="Publish again: nextbest publish.")
        offset, tables = end + 1, []
        for columns, rows in ((_LINES, header["lines"]), (_EVENTS, header["events"])):
            table = {}
            for name, kind in columns:
                table[name] = np.frombuffer(data, kind, rows, offset)
                offset += rows * np.dtype(kind).itemsize
            tables.append(table)
        return cls(tables[0], tables[1], tuple(header["order_ids"]), tuple(header["product_ids"]), tuple(header["event_types"]))


class _Codes:
    """Gives every id a number, old ones their old number."""

    def __init__(self, ids: tuple[str, ...]) -> None:
        self._codes = {name: code for code, name in enumerate(ids)}

    def of(self, name: str | None) -> int:
        return -1 if name is None else self._codes.setdefault(name, len(self._codes))

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._codes)


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _appended(old: Arrays, rows: Sequence[tuple[Any, ...]], columns: Sequence[tuple[str, str]]) -> Arrays:
    new = zip(*rows, strict=True) if rows else ([] for _ in columns)
    joined = {name: np.concatenate([old[name], np.array(values, dtype=kind)]) for (name, kind), values in zip(columns, new, strict=True)}
    order = np.argsort(joined["at"], kind="stable")
    return {name: column[order] for name, column in joined.items()}
