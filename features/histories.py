"""Every customer's own history, read from the tables in bulk."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from ibis import _
from numpy.typing import NDArray

from features.contract import CUSTOMER_ID, POSTED_LINE
from features.crowd_codes import coded, own_codes
from features.crowds import Crowd, Ints, OwnNames, Rows
from features.engine import Tables
from features.history import KINDS, CustomerHistory
from features.instants import microseconds
from features.sources import contact_rows, identified, instant_us

CHUNK = 20_000
LINE_COLUMNS = (
    "at",
    "line_kind",
    "order_id",
    POSTED_LINE,
    "product_id",
    "channel",
    "store_id",
    "quantity",
    "unit_price",
    "discount_amount",
)
EVENT_COLUMNS = ("at", "known_at", "event_type", "product_id", "value")
CONTACT_COLUMNS = ("at", "decision_id", "kind")


def customer_ids(tables: Tables, as_of: datetime) -> list[str]:
    """Everybody with an order line or an event before `as_of`, sorted."""
    bought = tables.orders.filter((_.ordered_at < as_of) & _.customer_id.notnull()).select(CUSTOMER_ID)
    touched = _events(tables, as_of).select(CUSTOMER_ID)
    return list(bought.union(touched, distinct=True).order_by(CUSTOMER_ID).to_pandas()[CUSTOMER_ID])


@dataclass(frozen=True)
class Histories:
    """(customer_id, what was known before `as_of`) for everybody with an order line or an event, in the order of their ids.

    Read in chunks of customers, so that memory stays bounded by a chunk; anew each time.
    """

    tables: Tables
    as_of: datetime

    def __iter__(self) -> Iterator[tuple[str, CustomerHistory]]:
        for crowd in self.crowds():
            yield from zip(crowd.customer_ids, crowd.histories(), strict=True)

    def crowds(self) -> Iterator[Crowd]:
        """The same, a chunk of customers at a time, whose columns lie together."""
        everybody = customer_ids(self.tables, self.as_of)
        for start in range(0, len(everybody), CHUNK):
            chunk = everybody[start : start + CHUNK]
            yield _crowd(
                chunk,
                _line_rows(self.tables, self.as_of, chunk),
                _event_rows(self.tables, self.as_of, chunk),
                _contact_rows(self.tables, self.as_of, chunk),
            )


def histories(tables: Tables, as_of: datetime) -> Histories:
    """Everybody's history before `as_of`."""
    return Histories(tables, as_of)


def _events(tables: Tables, as_of: datetime) -> Any:
    return identified(tables.events).filter(_.known_at < microseconds(as_of))


def _line_rows(tables: Tables, as_of: datetime, chunk: list[str]) -> pa.Table:
    rows = tables.orders.filter((_.ordered_at < as_of) & _.customer_id.between(chunk[0], chunk[-1]))
    table: pa.Table = (
        rows.mutate(at=instant_us(rows.ordered_at)).order_by([CUSTOMER_ID, "at"]).select(CUSTOMER_ID, *LINE_COLUMNS).to_pyarrow()
    )
    return table


def _event_rows(tables: Tables, as_of: datetime, chunk: list[str]) -> pa.Table:
    rows = _events(tables, as_of).filter(_.customer_id.between(chunk[0], chunk[-1])).order_by([CUSTOMER_ID, "at"])
    table: pa.Table = rows.select(CUSTOMER_ID, *EVENT_COLUMNS).to_pyarrow()
    return table


def _contact_rows(tables: Tables, as_of: datetime, chunk: list[str]) -> pa.Table:
    rows = (
        contact_rows(tables).filter((_.at < microseconds(as_of)) & _.customer_id.between(chunk[0], chunk[-1])).order_by([CUSTOMER_ID, "at"])
    )
    table: pa.Table = rows.select(CUSTOMER_ID, *CONTACT_COLUMNS).to_pyarrow()
    return table


def _crowd(chunk: list[str], lines: pa.Table, events: pa.Table, contacts: pa.Table) -> Crowd:
    bought_by, seen_by, contacted = (_owners(chunk, table) for table in (lines, events, contacts))
    names: dict[str, OwnNames] = {}

    def own(name: str, *columns: tuple[pa.Table, str, Ints]) -> list[NDArray[np.int32]]:
        codes, names[name] = own_codes([t[c] for t, c, _ in columns], [owners for *_, owners in columns], len(chunk))
        return codes

    (order,) = own("orders", (lines, "order_id", bought_by))
    bought, viewed = own("products", (lines, "product_id", bought_by), (events, "product_id", seen_by))
    (channel,) = own("channels", (lines, "channel", bought_by))
    (store,) = own("stores", (lines, "store_id", bought_by))
    (happened,) = own("event_types", (events, "event_type", seen_by))
    (decision,) = own("decisions", (contacts, "decision_id", contacted))
    (kind,) = own("contact_types", (contacts, "kind", contacted))
    return Crowd(
        chunk,
        _rows({**_line_arrays(lines), "order": order, "product": bought, "channel": channel, "store": store}, bought_by, len(chunk)),
        _rows({**_event_arrays(events), "type": happened, "product": viewed}, seen_by, len(chunk)),
        _rows({"at": contacts["at"].to_numpy(), "decision": decision, "type": kind}, contacted, len(chunk)),
        names,
    )


def _owners(chunk: Sequence[str], table: pa.Table) -> Ints:
    """Whose each row is, as the place in the chunk."""
    (codes,), ids = coded([table[CUSTOMER_ID]])
    places = pc.index_in(pa.array(ids, pa.string()), pa.array(chunk, pa.string())).to_numpy(zero_copy_only=False).astype(np.int64)
    return places[codes] if len(codes) else codes


def _rows(columns: dict[str, NDArray[Any]], owners: Ints, customers: int) -> Rows:
    return Rows(columns, np.searchsorted(owners, np.arange(customers + 1)))


def _line_arrays(lines: pa.Table) -> dict[str, NDArray[Any]]:
    (kinds,), names = coded([lines["line_kind"]])
    known = np.array([KINDS.index(name) for name in names], np.int32)
    return {
        "at": lines["at"].to_numpy(),
        "kind": known[kinds] if len(kinds) else kinds.astype(np.int32),
        "line": np.nan_to_num(_numbers(lines[POSTED_LINE]), nan=-1).astype(np.int32),
        "quantity": _numbers(lines["quantity"]),
        "unit_price": _numbers(lines["unit_price"]),
        "discount": _numbers(lines["discount_amount"]),
    }


def _event_arrays(events: pa.Table) -> dict[str, NDArray[Any]]:
    return {"at": events["at"].to_numpy(), "known_at": events["known_at"].to_numpy(), "value": _numbers(events["value"])}


def _numbers(column: "pa.ChunkedArray[Any]") -> NDArray[np.float64]:
    return np.asarray(column.cast(pa.float64()).to_numpy(), np.float64)
