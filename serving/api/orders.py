"""Orders, posted by the shop: stored once each, seen by the next request."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from features.contract import RETURN, SALE
from serving.auth import require
from serving.clock import wall
from serving.dependencies import Ours, Serving
from serving.direct import direct
from serving.fields import Id, Instant, Number, Text
from serving.rows import Posted, answered, body_schema, reader, sorted_soon
from serving.state.posting import AddOrders, PostedOrder, Stored
from serving.wire.rows import Receipt

_read = reader("orders")
router = APIRouter(prefix="/v1", tags=["rows"], route_class=direct(_read, "app"))


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


_ORDERS: Final = TypeAdapter(list[OrderIn])
OrderRows = Annotated[Posted, Depends(_read)]


@router.post("/orders", dependencies=[Depends(require("app"))], openapi_extra=body_schema("orders", OrderIn), response_model=Receipt)
async def post_orders(ours: Ours, rows: OrderRows) -> Response:
    """Stores one order or many. An order that cannot be used is refused with its reason; the others are stored.

    The counts are of orders as sent: one is a duplicate if none of its lines is new.
    """
    found = await sorted_soon(rows, _ORDERS, _check(ours))
    times = {"ordered_at": ours.clock.just_now(), "received_at": wall()}
    job = AddOrders([_posted(order, times) for order in found.usable])
    stored = await ours.state.write_soon(job, weight=found.weight) if job.orders else Stored(0, ())
    taken = {place: f"order_id {found.usable[place].order_id!r} is an order of another customer already" for place in stored.refused}
    answer = found.receipt(stored.new, taken)
    ours.metrics.count_rows("orders", answer)
    return answered(answer)


def _check(ours: Serving) -> Callable[[OrderIn], str | None]:
    latest, currency = ours.clock.horizon(), ours.home.currency

    def refusal(order: OrderIn) -> str | None:
        if order.ordered_at is not None and order.ordered_at > latest:
            return "ordered_at lies in the future"
        if order.currency is not None and order.currency != currency:
            return f"currency is {order.currency!r}; this home's is {currency}"
        return None

    return refusal


def _posted(order: OrderIn, times: Mapping[str, datetime]) -> PostedOrder:
    shared = {name: value for name, value in order.__dict__.items() if name != "lines"}
    shared |= {"ordered_at": order.ordered_at or times["ordered_at"], "received_at": times["received_at"]}
    lines = [{**shared, **line.__dict__, "line_kind": line.line_kind or (RETURN if line.quantity < 0 else SALE)} for line in order.lines]
    return PostedOrder(order.order_id, order.customer_id, lines)
