"""Touchpoints, posted by apps: stored once each, seen by the next request."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from features.contract import EVENT_TYPES
from features.nearest import nearest
from serving.auth import require
from serving.clock import Clock, wall
from serving.dependencies import Ours
from serving.fields import Id, Instant, Number, Text
from serving.rows import Posted, Receipt, body_schema, reader, sort_rows
from serving.state import customers, events

router = APIRouter(prefix="/v1", tags=["rows"])


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


EventRows = Annotated[Posted, Depends(reader("events"))]


@router.post("/events", dependencies=[Depends(require("app"))], openapi_extra=body_schema("events", EventIn))
def post_events(ours: Ours, rows: EventRows) -> Receipt:
    """Stores one event or many. An event that cannot be used is refused with its reason; the others are stored."""
    found = sort_rows(rows, EventIn, lambda event: _refusal(event, ours.clock))
    new_rows = [_row(event, ours.clock) for event in found.usable]
    with ours.state.writing() as connection:
        new = events.add_events(connection, new_rows)
        for row in new_rows:
            if row["event_id"] in new and row["event_type"] == "unsubscribed" and row["customer_id"] and row["channel"]:
                customers.put_consent(connection, row["customer_id"], {row["channel"]: False}, row["received_at"])
    answer = found.receipt(len(new))
    ours.metrics.count_rows("events", answer)
    return answer


def _refusal(event: EventIn, clock: Clock) -> str | None:
    if event.customer_id is None and event.visitor_id is None:
        return "customer_id or visitor_id is needed"
    if event.event_type not in EVENT_TYPES:
        return f"event_type {event.event_type!r} is not known; the nearest is {nearest(event.event_type, EVENT_TYPES)!r}"
    if event.event_type == "identify" and (event.customer_id is None or event.visitor_id is None):
        return "identify needs customer_id and visitor_id"
    if event.occurred_at is not None and clock.is_future(event.occurred_at):
        return "occurred_at lies in the future"
    return None


def _row(event: EventIn, clock: Clock) -> dict[str, Any]:
    named = event.model_dump(exclude={"properties"} | set(event.model_extra or {}))
    properties = {**(event.model_extra or {}), **event.properties}
    return {**named, "occurred_at": event.occurred_at or clock.just_now(), "properties": properties or None, "received_at": wall()}
