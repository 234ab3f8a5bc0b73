"""Every customer's own history, read from the tables in bulk."""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pandas as pd
from ibis import _
from numpy.typing import NDArray

from features.contract import CUSTOMER_ID, POSTED_LINE
from features.engine import Tables
from features.history import KINDS, CustomerHistory, Names
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


def histories(tables: Tables, as_of: datetime) -> Iterator[tuple[str, CustomerHistory]]:
    """(customer_id, what was known before `as_of`) for everybody with an order line or an event, in the order of their ids.

    Read in chunks of customers, so that memory stays bounded by a chunk.
    """
    everybody = customer_ids(tables, as_of)
    for start in range(0, len(everybody), CHUNK):
        chunk = everybody[start : start + CHUNK]
        yield from _chunk_histories(
            chunk, _line_rows(tables, as_of, chunk), _event_rows(tables, as_of, chunk), _contact_rows(tables, as_of, chunk)
        )


def _events(tables: Tables, as_of: datetime) -> Any:
    return identified(tables.events).filter(_.known_at < microseconds(as_of))


def _line_rows(tables: Tables, as_of: datetime, chunk: list[str]) -> pd.DataFrame:
    rows = tables.orders.filter((_.ordered_at < as_of) & _.customer_id.between(chunk[0], chunk[-1]))
    rows = rows.mutate(at=instant_us(rows.ordered_at)).order_by([CUSTOMER_ID, "at"])
    frame: pd.DataFrame = rows.select(CUSTOMER_ID, *LINE_COLUMNS).to_pandas()
    return frame


def _event_rows(tables: Tables, as_of: datetime, chunk: list[str]) -> pd.DataFrame:
    rows = _events(tables, as_of).filter(_.customer_id.between(chunk[0], chunk[-1])).order_by([CUSTOMER_ID, "at"])
    frame: pd.DataFrame = rows.select(CUSTOMER_ID, *EVENT_COLUMNS).to_pandas()
    return frame


def _contact_rows(tables: Tables, as_of: datetime, chunk: list[str]) -> pd.DataFrame:
    rows = (
        contact_rows(tables).filter((_.at < microseconds(as_of)) & _.customer_id.between(chunk[0], chunk[-1])).order_by([CUSTOMER_ID, "at"])
    )
    frame: pd.DataFrame = rows.select(CUSTOMER_ID, *CONTACT_COLUMNS).to_pandas()
    return frame


_NO_CODES: Final = np.empty(0, np.int32)


class _Coded:
    """A column of ids of a whole chunk as codes, from which each customer's own codes are cut."""

    def __init__(self, *columns: pd.Series) -> None:
        codes, names = pd.factorize(pd.concat(columns).astype("object"))
        self.names = names
        self.parts = np.split(codes, np.cumsum([len(c) for c in columns])[:-1])

    def own(self, *slices: slice) -> tuple[list[NDArray[np.int32]], tuple[str, ...]]:
        """This customer's codes in each column, numbered from 0 (-1 stays none), and what they stand for."""
        cut = [part[where] for part, where in zip(self.parts, slices, strict=True)]
        if not any(len(codes) for codes in cut):
            return [_NO_CODES for _ in cut], ()
        used, own = np.unique(np.concatenate([[-1], *cut]), return_inverse=True)
        numbered = np.split((own[1:] - 1).astype(np.int32), np.cumsum([len(c) for c in cut])[:-1])
        return numbered, tuple(str(name) for name in self.names[used[1:]])


class _Slices:
    """Where each customer's rows lie in a table that is sorted by customer."""

    def __init__(self, ids: pd.Series) -> None:
        starts = np.flatnonzero(ids.to_numpy()[1:] != ids.to_numpy()[:-1]) + 1 if len(ids) else np.empty(0, int)
        bounds = [0, *starts.tolist(), len(ids)]
        self._found = {str(ids.iloc[a]): slice(a, b) for a, b in pairwise(bounds) if b > a}

    def of(self, customer_id: str) -> slice:
        return self._found.get(customer_id, slice(0, 0))


def _chunk_histories(
    chunk: list[str], lines: pd.DataFrame, events: pd.DataFrame, contacts: pd.DataFrame
) -> Iterator[tuple[str, CustomerHistory]]:
    products, types = _Coded(lines.product_id, events.product_id), _Coded(events.event_type)
    orders, channels, stores = _Coded(lines.order_id), _Coded(lines.channel), _Coded(lines.store_id)
    decisions, kinds = _Coded(contacts.decision_id), _Coded(contacts.kind)
    bought_in, seen_in, contacted_in = _Slices(lines.customer_id), _Slices(events.customer_id), _Slices(contacts.customer_id)
    line_arrays, event_arrays = _line_arrays(lines), _event_arrays(events)
    contact_at = contacts["at"].to_numpy(np.int64)
    for customer_id in chunk:
        mine, seen, contacted = bought_in.of(customer_id), seen_in.of(customer_id), contacted_in.of(customer_id)
        (bought, viewed), product_ids = products.own(mine, seen)
        ((order,), order_ids), ((channel,), channel_names) = orders.own(mine), channels.own(mine)
        ((store,), store_ids), ((happened,), event_types) = stores.own(mine), types.own(seen)
        ((decision,), decision_ids), ((kind,), contact_types) = decisions.own(contacted), kinds.own(contacted)
        own_lines = {name: column[mine] for name, column in line_arrays.items()}
        own_lines |= {"order": order, "product": bought, "channel": channel, "store": store}
        own_events = {**{name: column[seen] for name, column in event_arrays.items()}, "type": happened, "product": viewed}
        own_contacts = {"at": contact_at[contacted], "decision": decision, "type": kind}
        names = Names(order_ids, product_ids, channel_names, store_ids, event_types, decision_ids, contact_types)
        yield customer_id, CustomerHistory(own_lines, own_events, own_contacts, names)


def _line_arrays(lines: pd.DataFrame) -> dict[str, NDArray[Any]]:
    return {
        "at": lines["at"].to_numpy(np.int64),
        "kind": lines.line_kind.map({kind: code for code, kind in enumerate(KINDS)}).to_numpy(np.int32),
        "line": np.nan_to_num(_numbers(lines[POSTED_LINE]), nan=-1).astype(np.int32),
        "quantity": _numbers(lines.quantity),
        "unit_price": _numbers(lines.unit_price),
        "discount": _numbers(lines.discount_amount),
    }


def _event_arrays(events: pd.DataFrame) -> dict[str, NDArray[Any]]:
    return {
        "at": events["at"].to_numpy(np.int64),
        "known_at": events.known_at.to_numpy(np.int64),
        "value": _numbers(events["value"]),
    }


def _numbers(column: pd.Series) -> NDArray[np.float64]:
    return column.to_numpy(np.float64, na_value=np.nan)
