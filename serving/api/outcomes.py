"""What came of decisions, posted by apps: it limits the next contact, and teaches the response model."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from features.contract import OUTCOME_TYPES
from features.nearest import nearest
from serving.auth import require
from serving.clock import Clock, wall
from serving.dependencies import Ours
from serving.fields import Id, Instant, Number
from serving.rows import Posted, Receipt, Sorted, body_schema, ids_in, reader, sort_rows
from serving.state import customers, decisions

router = APIRouter(prefix="/v1", tags=["rows"])


class OutcomeIn(BaseModel):
    """One outcome of one decision."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"event_id": "o-1", "decision_id": "d-1", "outcome_type": "converted", "value": 42.5}]},
    )

    event_id: Id = Field(description="names the outcome: sent again, it is counted as a duplicate")
    decision_id: Id = Field(description="the decision, as POST /v1/decisions gave it")
    outcome_type: Id = Field(description="what happened", json_schema_extra={"enum": list(OUTCOME_TYPES)})
    occurred_at: Instant | None = Field(default=None, description="when (naive is UTC); left out: now")
    value: Number | None = Field(default=None, description="money, for converted")


OutcomeRows = Annotated[Posted, Depends(reader("outcomes"))]


@router.post("/outcomes", dependencies=[Depends(require("app"))], openapi_extra=body_schema("outcomes", OutcomeIn))
def post_outcomes(ours: Ours, rows: OutcomeRows) -> Receipt:
    """Stores one outcome or many. An outcome that cannot be used is refused with its reason; the others are stored."""
    with ours.state.writing() as connection:
        found = _sort(connection, rows, ours.clock)
        new_rows = [_row(outcome, ours.clock) for outcome in found.usable]
        new = decisions.add_outcomes(connection, new_rows)
        _withdraw_consent(connection, [row for row in new_rows if row["event_id"] in new and row["outcome_type"] == "unsubscribed"])
    answer = found.receipt(len(new))
    ours.metrics.count_rows("outcomes", answer)
    return answer


def _sort(connection: Connection, rows: Posted, clock: Clock) -> Sorted[OutcomeIn]:
    known = decisions.channels_of(connection, ids_in(rows, "decision_id"))

    def refusal(outcome: OutcomeIn) -> str | None:
        if outcome.decision_id not in known:
            return f"decision_id {outcome.decision_id!r} is no recorded decision"
        if outcome.outcome_type not in OUTCOME_TYPES:
            return f"outcome_type {outcome.outcome_type!r} is not known; the nearest is {nearest(outcome.outcome_type, OUTCOME_TYPES)!r}"
        if outcome.occurred_at is not None and clock.is_future(outcome.occurred_at):
            return "occurred_at lies in the future"
        return None

    return sort_rows(rows, OutcomeIn, refusal)


def _row(outcome: OutcomeIn, clock: Clock) -> dict[str, Any]:
    return {**outcome.model_dump(), "occurred_at": outcome.occurred_at or clock.just_now(), "received_at": wall()}


def _withdraw_consent(connection: Connection, unsubscribed: list[dict[str, Any]]) -> None:
    reached = decisions.channels_of(connection, [row["decision_id"] for row in unsubscribed])
    for row in unsubscribed:
        customer_id, channel = reached[row["decision_id"]]
        if customer_id and channel:
            customers.put_consent(connection, customer_id, {channel: False}, row["received_at"])
