"""Decisions: made for an app, recorded before they are answered, and looked up again by auditors."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path
from pydantic import BaseModel, ConfigDict, Field, model_validator

from decisions.decide import decide
from decisions.replay import replay
from decisions.situation import MOST_ACTIONS, Ask
from features.errors import InputError
from serving.api.answers import DecisionAnswer, decision_answer
from serving.auth import require
from serving.channels import checked_channels
from serving.deciding import Recorded, Subject, recorded
from serving.dependencies import Ours, Serving
from serving.errors import ProblemError
from serving.fields import Body, Id, Number, Text
from serving.state import decisions

router = APIRouter(prefix="/v1/decisions", tags=["decisions"])

_KEYS = uuid.UUID("5b0f6a8e-6c1d-4c55-9f0e-7d1f0a4f6a11")

IdempotencyKey = Annotated[Id | None, Header(description="the same key gives the same decision; decision_id does the same")]


class DecisionIn(Body):
    """For whom to decide, and within which bounds."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"customer_id": "17850"}, {"visitor_id": "v-1", "channel": "web", "placements": ["home"], "k": 2}]},
    )

    customer_id: Id | None = None
    visitor_id: Id | None = None
    decision_id: Id | None = Field(default=None, description="names the decision; sent again, it gives the same answer")
    stage: Text | None = Field(default=None, description="overrides the detected stage")
    channel: Id | None = Field(default=None, description="only by this channel")
    placements: list[Text] = Field(default_factory=list, max_length=50, description="where in the app; kept with the decision")
    context: dict[Text, Number] = Field(
        default_factory=dict, max_length=200, description="weights of actions or groups, 0 to 5; 1 is neutral"
    )
    k: int = Field(default=1, ge=1, le=MOST_ACTIONS, description="how many actions at most")
    explain: bool = False
    dry_run: bool = Field(default=False, description="decides and records nothing; decision_id is null")

    @model_validator(mode="after")
    def _one_subject(self) -> "DecisionIn":
        if (self.customer_id is None) == (self.visitor_id is None):
            raise ValueError("name customer_id or visitor_id, and not both")
        return self


class OutcomeOf(BaseModel):
    """One outcome of a decision."""

    event_id: str
    outcome_type: str
    occurred_at: datetime
    value: float | None


class Replay(BaseModel):
    """The decision made again from its record."""

    same: bool | None = Field(description="true: the same again, to the last digit; null: it cannot be made again here")
    why: str


class DecisionRecord(BaseModel):
    """A decision as it was recorded."""

    decision_id: str
    customer_id: str | None
    visitor_id: str | None
    decided_at: datetime
    answer: DecisionAnswer
    request: dict[str, Any] = Field(description="what was asked")
    features: dict[str, float] = Field(description="what the policy saw")
    order_probability: float = Field(description="of exactly this list of actions")
    outcomes: list[OutcomeOf]
    replay: Replay


@router.post("", dependencies=[Depends(require("app"))])
def post_decision(asked: DecisionIn, ours: Ours, idempotency_key: IdempotencyKey = None) -> DecisionAnswer:
    """Decides what to do for this customer or visitor, and records it before answering. Somebody unknown gets a fallback."""
    ask = Ask(
        decision_id=asked.decision_id or _id_of(idempotency_key),
        stage=asked.stage,
        channels=checked_channels([asked.channel] if asked.channel else None, ours.policy),
        context=asked.context,
        k=asked.k,
    )
    made = _dry_run(asked, ask, ours) if asked.dry_run else _recorded(asked, ask, ours)
    return decision_answer(made.decision, known=made.known, explain=asked.explain)


@router.get("/{decision_id}", dependencies=[Depends(require("crm"))])
def get_decision(decision_id: Annotated[Id, Path(description="as POST /v1/decisions gave it")], ours: Ours) -> DecisionRecord:
    """The decision as it was recorded, its outcomes, and a replay that proves the same answer."""
    with ours.state.reading() as connection:
        row = decisions.find(connection, decision_id)
        outcomes = decisions.outcomes_of(connection, decision_id)
    if row is None:
        raise ProblemError(
            404, f"No decision {decision_id!r} is recorded.", remedy="Check the id; a preview records none.", kind="unknown-decision"
        )
    made = recorded(row)
    return DecisionRecord(
        decision_id=decision_id,
        customer_id=row["customer_id"],
        visitor_id=row["visitor_id"],
        decided_at=row["decided_at"],
        answer=decision_answer(made.decision, known=made.known, explain=True),
        request=row["request"]["asked"],
        features=dict(made.decision.situation.features),
        order_probability=made.decision.order_probability,
        outcomes=[OutcomeOf(**{name: outcome[name] for name in OutcomeOf.model_fields}) for outcome in outcomes],
        replay=_replayed(row["record"], made, ours),
    )


def _dry_run(asked: DecisionIn, ask: Ask, ours: Serving) -> Recorded:
    with ours.state.reading() as connection:
        current, situation = ours.decider.read(connection, _subject(asked), ours.clock.now())
    return Recorded(decide(situation, Ask(**{**vars(ask), "decision_id": ""}), ours.policy), current.known)


def _recorded(asked: DecisionIn, ask: Ask, ours: Serving) -> Recorded:
    plain = asked.model_dump(mode="json", exclude={"explain", "dry_run", "decision_id"})
    made = ours.decider.record(ours.state, _subject(asked), ask, ours.clock.now(), asked=plain)
    ours.metrics.decisions.labels(made.decision.stage, made.decision.actions[0].action_id).inc()
    return made


def _replayed(record: dict[str, Any], made: Recorded, ours: Serving) -> Replay:
    try:
        again = replay(record, ours.policy)
    except InputError as error:
        return Replay(same=None, why=f"{error.problem} {error.remedy}")
    if again == made.decision:
        return Replay(same=True, why="Made again from its record, the decision is the same.")
    return Replay(same=False, why="Made again from its record, the decision differs: the record or the program was changed.")


def _subject(asked: DecisionIn) -> Subject:
    return Subject(asked.customer_id, asked.visitor_id)


def _id_of(idempotency_key: str | None) -> str:
    return str(uuid.uuid4() if idempotency_key is None else uuid.uuid5(_KEYS, idempotency_key))
