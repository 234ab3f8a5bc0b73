"""Orders, posted by the shop: stored once each, seen by the next request."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import Connection

from features.contract import RETURN, SALE
from serving.auth import require
from serving.clock import Clock, wall
from serving.dependencies import Ours, Serving
from serving.fields import Id, Instant, Number, Text
from serving.rows import Posted, Receipt, Sorted, body_schema, ids_in, reader, sort_rows
from serving.state import events

router = APIRouter(prefix="/v1", tags=["rows"])


class LineIn(BaseModel):
    """One line of an order."""

    model_config = ConfigDict(extra="forbid")

    line: int | None = Field(default=None, ge=0, description="names the line within its order; left out: its place, counted from 0")
    product_id: Id | None = None
    quantity: Number = Field(default=1.0, description="pieces, negative for a return")
    unit_price: Number = Field(default=0.0, description="price of one piece before discount; 0 is a gift")
    discount_amount: Number = Field(default=0.0, ge=0, description="discount on the whole line")
    line_kind: Literal["sale", "return", "fee"] | None = Field(
        default=None, description="left out: return for a negative quantity, else sale"
    )


class OrderIn(BaseModel):
    """One order of one customer: with its lines, or as a single flat line in the contract's columns."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"order_id": "o-1", "customer_id": "17850", "lines": [{"product_id": "85123A", "quantity": 6, "unit_price": 2.55}]}
            ]
        },
    )

    order_id: Id
    customer_id: Id
    ordered_at: Instant | None = Field(default=None, description="when (naive is UTC); left out: now")
    channel: Id | None = None
    store_id: Id | None = None
    currency: Text | None = Field(default=None, description="must be the home's")
    lines: list[LineIn] = Field(min_length=1, max_length=1000)

    @model_validator(mode="before")
    @classmethod
    def _with_lines(cls, raw: Any) -> Any:
        """A flat line as an order of one line."""
        if not isinstance(raw, dict) or "lines" in raw:
            return raw
        line = {name: value for name, value in raw.items() if name in LineIn.model_fields}
        return {**{name: value for name, value in raw.items() if name not in line}, "lines": [line]}


OrderRows = Annotated[Posted, Depends(reader("orders"))]


@router.post("/orders", dependencies=[Depends(require("app"))], openapi_extra=body_schema("orders", OrderIn))
def post_orders(ours: Ours, rows: OrderRows) -> Receipt:
    """Stores one order or many. An order that cannot be used is refused with its reason; the others are stored.

    The counts are of orders as sent: one is a duplicate if none of its lines is new.
    """
    with ours.state.writing() as connection:
        found = _sort(connection, rows, ours)
        by_order = _line_rows(found.usable, ours.clock)
        new = events.add_order_lines(connection, [row for lines in by_order for row in lines])
    answer = found.receipt(_count_new(by_order, new))
    ours.metrics.count_rows("orders", answer)
    return answer


def _sort(connection: Connection, rows: Posted, ours: Serving) -> Sorted[OrderIn]:
    owners = events.customers_of_orders(connection, ids_in(rows, "order_id"))

    def refusal(order: OrderIn) -> str | None:
        if (reason := _refusal(order, ours)) is not None:
            return reason
        if owners.setdefault(order.order_id, order.customer_id) != order.customer_id:
            return f"order_id {order.order_id!r} is an order of another customer already"
        return None

    return sort_rows(rows, OrderIn, refusal)


def _refusal(order: OrderIn, ours: Serving) -> str | None:
    if order.ordered_at is not None and ours.clock.is_future(order.ordered_at):
        return "ordered_at lies in the future"
    if order.currency is not None and order.currency != ours.home.currency:
        return f"currency is {order.currency!r}; this home's is {ours.home.currency}"
    return None


def _line_rows(orders: Sequence[OrderIn], clock: Clock) -> list[list[dict[str, Any]]]:
    """Rows of the table for each order; lines without a name are counted through where an order_id comes several times."""
    placed: Counter[str] = Counter()
    by_order = []
    for order in orders:
        shared = order.model_dump(exclude={"lines"})
        shared |= {"ordered_at": order.ordered_at or clock.just_now(), "received_at": wall()}
        rows = []
        for line in order.lines:
            kind = line.line_kind or (RETURN if line.quantity < 0 else SALE)
            place = placed[order.order_id] if line.line is None else line.line
            rows.append({**shared, **line.model_dump(), "line": place, "line_kind": kind})
            placed[order.order_id] += 1
        by_order.append(rows)
    return by_order


def _count_new(by_order: Sequence[Sequence[dict[str, Any]]], new: set[tuple[str, int]]) -> int:
    left, count = set(new), 0
    for rows in by_order:
        keys = {(row["order_id"], row["line"]) for row in rows}
        count += bool(keys & left)
        left -= keys
    return count
