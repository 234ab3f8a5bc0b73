"""Posted rows on their way into the database: jobs of which those of many waiters are done by the same few statements."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Connection

from serving.state import customers, decisions, events
from serving.state.batches import Shared

Row = dict[str, Any]


@dataclass(frozen=True)
class AddEvents(Shared[int]):
    """Stores events (rows of the table); how many were new. Who unsubscribed from a channel withdraws consent to it."""

    rows: Sequence[Row]

    @classmethod
    def do_all(cls, connection: Connection, jobs: Sequence[Self]) -> list[int]:
        """All of them by one insert."""
        new = events.add_events(connection, [row for job in jobs for row in job.rows])
        shares = [_first_of_each(job.rows, new) for job in jobs]
        for row in (row for share in shares for row in share if row["event_type"] == "unsubscribed"):
            _withdraw(connection, row["customer_id"], row["channel"], row)
        return [len(share) for share in shares]


@dataclass(frozen=True)
class Stored:
    """How many of the rows were new, and the places of those that were refused for what is stored already."""

    new: int
    refused: Sequence[int]


@dataclass(frozen=True)
class AddOutcomes(Shared[Stored]):
    """Stores outcomes (rows of the table), but those of a decision that is not recorded. Who unsubscribed withdraws consent to the decision's channel."""

    rows: Sequence[Row]

    @classmethod
    def do_all(cls, connection: Connection, jobs: Sequence[Self]) -> list[Stored]:
        """All of them by one insert."""
        reached = decisions.channels_of(connection, [row["decision_id"] for job in jobs for row in job.rows])
        known = [[row for row in job.rows if row["decision_id"] in reached] for job in jobs]
        new = decisions.add_outcomes(connection, [row for rows in known for row in rows])
        shares = [_first_of_each(rows, new) for rows in known]
        for row in (row for share in shares for row in share if row["outcome_type"] == "unsubscribed"):
            _withdraw(connection, *reached[row["decision_id"]], row)
        refused = [[place for place, row in enumerate(job.rows) if row["decision_id"] not in reached] for job in jobs]
        return [Stored(len(share), places) for share, places in zip(shares, refused, strict=True)]


@dataclass(frozen=True)
class PostedOrder:
    """An order's lines (rows of the table); a `line` of None is given its number within the order, counted from 0."""

    order_id: str
    customer_id: str
    lines: Sequence[Row]


@dataclass(frozen=True)
class AddOrders(Shared[Stored]):
    """Stores orders, but those whose order_id is an order of another customer already. An order is new if one of its lines is."""

    orders: Sequence[PostedOrder]

    @classmethod
    def do_all(cls, connection: Connection, jobs: Sequence[Self]) -> list[Stored]:
        """All of them by one insert."""
        owners = events.customers_of_orders(connection, [order.order_id for job in jobs for order in job.orders])
        told: list[tuple[list[list[Row]], list[int]]] = []
        for job in jobs:
            mine = [owners.setdefault(order.order_id, order.customer_id) == order.customer_id for order in job.orders]
            kept = _numbered(order for order, is_mine in zip(job.orders, mine, strict=True) if is_mine)
            told.append((kept, [place for place, is_mine in enumerate(mine) if not is_mine]))
        new = events.add_order_lines(connection, [row for kept, _ in told for lines in kept for row in lines])
        return [Stored(_count_new(kept, new), refused) for kept, refused in told]


def _first_of_each(rows: Sequence[Row], left: set[str]) -> list[Row]:
    """The rows that were stored of these; `left` are the ids that are new and nobody's yet, from which theirs are taken."""
    mine = []
    for row in rows:
        if row["event_id"] in left:
            left.discard(row["event_id"])
            mine.append(row)
    return mine


def _numbered(orders: Iterable[PostedOrder]) -> list[list[Row]]:
    """Their lines; those without a number are counted through where an order_id comes several times."""
    placed: Counter[str] = Counter()
    numbered = []
    for order in orders:
        first = placed[order.order_id]
        lines = [{**row, "line": first + place} if row["line"] is None else row for place, row in enumerate(order.lines)]
        placed[order.order_id] += len(lines)
        numbered.append(lines)
    return numbered


def _count_new(orders: Iterable[Sequence[Row]], left: set[tuple[str, int]]) -> int:
    count = 0
    for lines in orders:
        keys = {(row["order_id"], row["line"]) for row in lines}
        count += bool(keys & left)
        left -= keys
    return count


def _withdraw(connection: Connection, customer_id: str | None, channel: str | None, row: Row) -> None:
    if customer_id and channel:
        customers.put_consent(connection, customer_id, {channel: False}, row["received_at"])
