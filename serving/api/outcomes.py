"""What came of decisions, posted by apps: it limits the next contact, and teaches the response model."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from features.contract import OUTCOME_TYPES
from features.nearest import nearest
from serving.auth import require
from serving.clock import Clock, wall
from serving.dependencies import Ours
from serving.direct import direct
from serving.fields import Id, Instant, Number
from serving.rows import Posted, answered, body_schema, reader, sorted_soon
from serving.state.posting import AddOutcomes, Stored
from serving.wire.rows import Receipt

_read = reader("outcomes")
router = APIRouter(prefix="/v1", tags=["rows"], route_class=direct(_read, "app"))


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


_OUTCOMES: Final = TypeAdapter(list[OutcomeIn])
OutcomeRows = Annotated[Posted, Depends(_read)]


@router.post("/outcomes", dependencies=[Depends(require("app"))], openapi_extra=body_schema("outcomes", OutcomeIn), response_model=Receipt)
async def post_outcomes(ours: Ours, rows: OutcomeRows) -> Response:
    """Stores one outcome or many. An outcome that cannot be used is refused with its reason; the others are stored."""
    found = await sorted_soon(rows, _OUTCOMES, _check(ours.clock))
    times = {"occurred_at": ours.clock.just_now(), "received_at": wall()}
    job = AddOutcomes([_row(outcome, times) for outcome in found.usable])
    stored = await ours.state.write_soon(job, weight=found.weight) if job.rows else Stored(0, ())
    unknown = {place: f"decision_id {found.usable[place].decision_id!r} is no recorded decision" for place in stored.refused}
    answer = found.receipt(stored.new, unknown)
    ours.metrics.count_rows("outcomes", answer)
    return answered(answer)


def _check(clock: Clock) -> Callable[[OutcomeIn], str | None]:
    latest = clock.horizon()

    def refusal(outcome: OutcomeIn) -> str | None:
        if outcome.outcome_type not in OUTCOME_TYPES:
            return f"outcome_type {outcome.outcome_type!r} is not known; the nearest is {nearest(outcome.outcome_type, OUTCOME_TYPES)!r}"
        if outcome.occurred_at is not None and outcome.occurred_at > latest:
            return "occurred_at lies in the future"
        return None

    return refusal


def _row(outcome: OutcomeIn, times: Mapping[str, datetime]) -> dict[str, Any]:
    given = outcome.__dict__
    return {**given, "occurred_at": given["occurred_at"] or times["occurred_at"], "received_at": times["received_at"]}
