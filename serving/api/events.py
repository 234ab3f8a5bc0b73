"""Touchpoints, posted by apps: stored once each, seen by the next request."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from features.contract import EVENT_TYPES
from features.nearest import nearest
from serving.auth import require
from serving.clock import Clock, wall
from serving.dependencies import Ours
from serving.direct import direct
from serving.fields import Id, Instant, Number, Text
from serving.rows import Posted, answered, body_schema, reader, sorted_soon
from serving.state.posting import AddEvents
from serving.wire.rows import Receipt

_read = reader("events")
router = APIRouter(prefix="/v1", tags=["rows"], route_class=direct(_read, "app"))


class EventIn(BaseModel):
    """One touchpoint of a customer or a visitor. Fields that are not named here are kept as properties."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {"event_id": "e-1", "customer_id": "17850", "event_type": "product_view", "product_id": "85123A", "channel": "web"}
            ]
        },
    )

    event_id: Id = Field(description="names the event: sent again, it is counted as a duplicate")
    customer_id: Id | None = Field(default=None, description="who; or visitor_id; both on identify")
    visitor_id: Id | None = Field(default=None, description="who, before they are known")
    event_type: Id = Field(description="what happened", json_schema_extra={"enum": list(EVENT_TYPES)})
    occurred_at: Instant | None = Field(default=None, description="when (naive is UTC); left out: now")
    channel: Id | None = None
    product_id: Id | None = None
    value: Number | None = Field(default=None, description="amount, or score (survey_answered: 0 to 10)")
    decision_id: Id | None = None
    properties: dict[Text, Any] = Field(default_factory=dict)


_EVENTS: Final = TypeAdapter(list[EventIn])
_TYPES: Final = frozenset(EVENT_TYPES)
EventRows = Annotated[Posted, Depends(_read)]


@router.post("/events", dependencies=[Depends(require("app"))], openapi_extra=body_schema("events", EventIn), response_model=Receipt)
async def post_events(ours: Ours, rows: EventRows) -> Response:
    """Stores one event or many. An event that cannot be used is refused with its reason; the others are stored."""
    found = await sorted_soon(rows, _EVENTS, _check(ours.clock))
    times = {"occurred_at": ours.clock.just_now(), "received_at": wall()}
    job = AddEvents([_row(event, times) for event in found.usable])
    new = await ours.state.write_soon(job, weight=found.weight) if job.rows else 0
    answer = found.receipt(new)
    ours.metrics.count_rows("events", answer)
    return answered(answer)


def _check(clock: Clock) -> Callable[[EventIn], str | None]:
    latest = clock.horizon()

    def refusal(event: EventIn) -> str | None:
        if event.customer_id is None and event.visitor_id is None:
            return "customer_id or visitor_id is needed"
        if event.event_type not in _TYPES:
            return f"event_type {event.event_type!r} is not known; the nearest is {nearest(event.event_type, EVENT_TYPES)!r}"
        if event.event_type == "identify" and (event.customer_id is None or event.visitor_id is None):
            return "identify needs customer_id and visitor_id"
        if event.occurred_at is not None and event.occurred_at > latest:
            return "occurred_at lies in the future"
        return None

    return refusal


def _row(event: EventIn, times: Mapping[str, datetime]) -> dict[str, Any]:
    row = dict(event.__dict__)  # its fields: they are plain already, which model_dump would look for at ten times the cost
    row["properties"] = {**(event.model_extra or {}), **event.properties} or None
    row["received_at"] = times["received_at"]
    if row["occurred_at"] is None:
        row["occurred_at"] = times["occurred_at"]
    return row
