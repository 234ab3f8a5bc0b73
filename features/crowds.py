"""Many customers' histories side by side: the same rows as in `features.history`, a column of all of them at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, Final, Self

import numpy as np
import orjson
from numpy.typing import NDArray

from features.history import FORMAT, TABLES, Arrays, CustomerHistory, Names

Ints = NDArray[np.int64]

NAMED: Final = tuple(field.name for field in fields(Names))


@dataclass(frozen=True)
class Rows:
    """Rows of many customers, each one's together and by instant: their columns, and where each customer's begin, with the end of the last."""

    columns: Arrays
    bounds: Ints

    def owners(self) -> Ints:
        """Whose each row is, as the customer's place."""
        return np.repeat(np.arange(len(self.bounds) - 1), np.diff(self.bounds))

    def of(self, place: int) -> Arrays:
        """The rows of one customer."""
        own = slice(int(self.bounds[place]), int(self.bounds[place + 1]))
        return {name: column[own] for name, column in self.columns.items()}


@dataclass(frozen=True)
class OwnNames:
    """What every customer's codes stand for: the names of one after those of the other, and where each customer's begin."""

    names: Sequence[str]
    bounds: Ints

    def of(self, place: int) -> tuple[str, ...]:
        """The names of one customer."""
        return tuple(self.names[int(self.bounds[place]) : int(self.bounds[place + 1])])

    def places(self, owners: Ints, codes: NDArray[Any]) -> Ints:
        """Where the names of these customers' codes stand; -1 where a code stands for none."""
        return np.where(codes >= 0, self.bounds[owners] + codes, -1)


@dataclass(frozen=True)
class Crowd:
    """Histories of `customer_ids`: the three tables of `CustomerHistory`, and names by the fields of `Names`. Codes are each customer's own."""

    customer_ids: Sequence[str]
    lines: Rows
    events: Rows
    contacts: Rows
    names: Mapping[str, OwnNames]

    def __len__(self) -> int:
        return len(self.customer_ids)

    @classmethod
    def of(cls, customer_ids: Sequence[str], histories: Sequence[CustomerHistory]) -> Self:
        """A crowd of histories that are there one by one; at least one."""
        tables = [[getattr(each, what) for each in histories] for what in ("lines", "events", "contacts")]
        names = {name: [getattr(each.names, name) for each in histories] for name in NAMED}
        joined = {name: OwnNames([one for own in each for one in own], _bounds(map(len, each))) for name, each in names.items()}
        lines, events, contacts = (_joined(each, columns) for each, columns in zip(tables, TABLES, strict=True))
        return cls(customer_ids, lines, events, contacts, joined)

    def histories(self) -> Iterator[CustomerHistory]:
        """Every customer's own."""
        for place in range(len(self)):
            names = Names(**{name: own.of(place) for name, own in self.names.items()})
            yield CustomerHistory(self.lines.of(place), self.events.of(place), self.contacts.of(place), names)

    def encoded(self) -> Iterator[bytes]:
        """Every customer's history in the form of `CustomerHistory.to_bytes`."""
        tables = (self.lines, self.events, self.contacts)
        filled = [(table, columns) for table, columns in zip(tables, TABLES, strict=True) if table.bounds[-1]]
        arrays = [_pieces(table.columns[name].astype(kind), table.bounds) for table, columns in filled for name, kind in columns]
        counts = zip(*(np.diff(table.bounds).tolist() for table in tables), strict=True)
        names = [_lists(own) for own in self.names.values()]
        own = zip(*arrays, strict=True) if arrays else ([()] * len(self))
        for rows, said, columns in zip(counts, zip(*names, strict=True), own, strict=True):
            header = {"format": FORMAT, "names": dict(zip(self.names, said, strict=True)), "rows": rows}
            yield b"".join((orjson.dumps(header), b"\n", *columns))


def distinct(keys: Ints) -> Ints:
    """The distinct keys, rising. NumPy's own way goes by a hash that keys made of two numbers spoil: it takes twenty times as long."""
    rising = np.sort(keys)
    found: Ints = rising[np.diff(rising, prepend=rising[:1] - 1) != 0]
    return found


def _bounds(lengths: Any) -> Ints:
    return np.concatenate([[0], np.cumsum(np.fromiter(lengths, np.int64))])


def _joined(tables: Sequence[Arrays], columns: Sequence[tuple[str, str]]) -> Rows:
    together = {name: np.concatenate([table[name] for table in tables]).astype(kind) for name, kind in columns}
    return Rows(together, _bounds(len(table["at"]) for table in tables))


def _pieces(column: NDArray[Any], bounds: Ints) -> Iterator[memoryview]:
    whole, ends = memoryview(column.tobytes()), (bounds * column.itemsize).tolist()
    return (whole[start:end] for start, end in pairwise(ends))


def _lists(own: OwnNames) -> Iterator[Sequence[str]]:
    ends = own.bounds.tolist()
    return (own.names[start:end] for start, end in pairwise(ends))
