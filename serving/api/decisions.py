"""Decisions: made for an app, recorded before they are answered, and looked up again by auditors."""

import uuid
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Header, Path, Request, Response
from fastapi.routing import APIRoute
from pydantic import ConfigDict, Field, ValidationError, model_validator

from decisions.asking import check
from decisions.decide import decide
from decisions.decision import Decision
from decisions.policy import Policy
from decisions.records import to_json
from decisions.situation import MOST_ACTIONS, Ask
from features.errors import InputError
from serving.api.answers import answer_json
from serving.auth import require
from serving.channels import checked_channels
from serving.deciding import Recorded, Subject, Wanted
from serving.decision_rows import change_of, request_of, stored_row, unreadable
from serving.dependencies import Ours, Serving, serving_of
from serving.errors import ProblemError
from serving.fields import Body, Id, Text
from serving.state import decisions
from serving.wire.decisions import BatchAnswer, DecisionAnswer, DecisionRecord, OutcomeOf, Replay, Reserved

router = APIRouter(prefix="/v1/decisions", tags=["decisions"])

MOST_AT_ONCE: Final = 500
_KEY_HEADER: Final = b"idempotency-key"
_TAKEN: Final[dict[int | str, dict[str, Any]]] = {409: {"description": "the decision id was asked differently before"}}
_LOOKED_UP: Final[dict[int | str, dict[str, Any]]] = {
    404: {"description": "no decision of this id is recorded"},
    409: {"description": "the record is damaged, or of another version"},
}
_KEYS = uuid.UUID("5b0f6a8e-6c1d-4c55-9f0e-7d1f0a4f6a11")

Weight = Annotated[float, Field(strict=True, allow_inf_nan=False)]
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
    placements: list[Text] = Field(
        default_factory=list,
        max_length=50,
        description="places in the app to fill, each with one action, none twice; then k does not count",
    )
    context: dict[Text, Weight] = Field(
        default_factory=dict, max_length=200, description="weights of actions or groups, 0 to 5; 1 is neutral"
    )
    deferred: bool = Field(default=False, description="the contact is made at send_at, not now: quiet hours do not forbid it")
    k: int = Field(default=1, ge=1, le=MOST_ACTIONS, description="how many actions at most")
    explain: bool = False
    dry_run: bool = Field(default=False, description="decides and records nothing; decision_id is null")

    @model_validator(mode="after")
    def _one_subject(self) -> "DecisionIn":
        if (self.customer_id is None) == (self.visitor_id is None):
            raise ValueError("name customer_id or visitor_id, and not both")
        return self


class Batch(Body):
    """Several decisions at once."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"decisions": [{"customer_id": "17850"}, {"visitor_id": "v-1"}]}]})

    decisions: list[DecisionIn] = Field(min_length=1, max_length=MOST_AT_ONCE, description="in this order they take from budgets")


class _AtOnce(APIRoute):
    """Takes a plain request with a plain key straight to the decision; everything else goes the usual way, which says what is wrong with it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        usual = super().get_route_handler()

        async def handle(request: Request) -> Response:
            asked = await _plainly_asked(request)
            return await usual(request) if asked is None else await post_decision(asked, serving_of(request))

        return handle


async def _plainly_asked(request: Request) -> DecisionIn | None:
    headers, ours = dict(request.scope["headers"]), serving_of(request)
    if (
        headers.get(b"content-type") != b"application/json"
        or _KEY_HEADER in headers
        or not ours.gate.lets_in(request.scope["headers"], "app")
    ):
        return None
    try:
        return DecisionIn.model_validate_json(await request.body())
    except ValidationError:
        return None


async def post_decision(asked: DecisionIn, ours: Ours, idempotency_key: IdempotencyKey = None) -> Response:
    """Decides what to do for this customer or visitor, and records it before answering. Somebody unknown gets a fallback."""
    is_new = asked.decision_id is None and idempotency_key is None
    return _json((await _decided([asked], [asked.decision_id or _id_of(idempotency_key)], ours, are_new=is_new))[0])


router.add_api_route(
    "",
    post_decision,
    methods=["POST"],
    dependencies=[Depends(require("app"))],
    response_model=DecisionAnswer,
    responses=_TAKEN,
    route_class_override=_AtOnce,
)


@router.post(":batch", dependencies=[Depends(require("app"))], response_model=BatchAnswer, responses=_TAKEN)
async def post_decisions(asked: Batch, ours: Ours, idempotency_key: IdempotencyKey = None) -> Response:
    """Decides several times at once, and records all before answering. Budgets go to those who are named first."""
    ids = [
        each.decision_id or _id_of(None if idempotency_key is None else f"{idempotency_key}/{n}") for n, each in enumerate(asked.decisions)
    ]
    if len(set(ids)) < len(ids):
        raise ProblemError(
            422, "A decision_id stands twice in the batch.", remedy="Give each decision its own, or none.", kind="duplicate-id"
        )
    for place, each in enumerate(asked.decisions):
        with _named(f"decisions.{place}"):
            _ask(each, ids[place], ours)
    return _json(b'{"decisions":[' + b",".join(await _decided(asked.decisions, ids, ours, are_new=False)) + b"]}")


@router.get("/{decision_id:path}", dependencies=[Depends(require("crm"))], responses=_LOOKED_UP)
def get_decision(
    decision_id: Annotated[Id, Path(description="as POST /v1/decisions gave it", examples=["5f0c7b1e-8a51-4d0e-9d64-0c8f8f1d6b1a"])],
    ours: Ours,
) -> DecisionRecord:
    """The decision as it was recorded, its outcomes, and a replay: whether the stored row is unchanged and decides the same again.

    It tells damage and changes by hand, and is no proof against somebody who writes the row's digest anew.
    """
    with ours.state.reading() as connection:
        row = stored_row(connection, decision_id)
        outcomes = decisions.outcomes_of(connection, decision_id)
        if row is None:
            raise ProblemError(
                404, f"No decision {decision_id!r} is recorded.", remedy="Check the id; a preview records none.", kind="unknown-decision"
            )
        policy = ours.older.find(connection, row["policy_version"])
        made = ours.desk.recorded(connection, row)
    try:
        return _record(row, made, outcomes, _replayed(row, made, policy))
    except (LookupError, TypeError, ValueError, AttributeError) as error:  # a record that was changed may hold anything
        raise unreadable(f"The decision's record is not whole: it cannot be shown ({type(error).__name__}).") from error


def _record(row: Mapping[str, Any], made: Recorded, outcomes: Sequence[Mapping[str, Any]], replay: Replay) -> DecisionRecord:
    decision = made.decision
    return DecisionRecord(
        decision_id=row["decision_id"],
        customer_id=row["customer_id"],
        visitor_id=row["visitor_id"],
        decided_at=row["decided_at"],
        answer=DecisionAnswer.model_validate_json(answer_json(decision, known=made.known, explain=True)),
        request=request_of(row).get("asked", {}),
        features=dict(decision.situation.features),
        policy_version=decision.policy_version,
        code_version=decision.code_version,
        models=dict(decision.models),
        reserved=[Reserved(**vars(each)) for each in decision.reservations],
        order_probability=decision.order_probability,
        outcomes=[OutcomeOf(**{name: outcome[name] for name in OutcomeOf.model_fields}) for outcome in outcomes],
        replay=replay,
    )


async def _decided(asked: Sequence[DecisionIn], ids: Sequence[str], ours: Serving, *, are_new: bool) -> list[bytes]:
    """The answers, in order: dry runs are decided, all others recorded together. `are_new`: nobody was told of any of these ids."""
    asks, now = [_ask(each, decision_id, ours) for each, decision_id in zip(asked, ids, strict=True)], ours.clock.now()
    wanted = [Wanted(_subject(each), ask, _plain(each), are_new) for each, ask in zip(asked, asks, strict=True) if not each.dry_run]
    recorded = iter(await ours.decider.record(wanted, now))
    made = [await _dry_run(each, ask, ours, now) if each.dry_run else next(recorded) for each, ask in zip(asked, asks, strict=True)]
    for each, answer in zip(asked, made, strict=True):
        if not each.dry_run:
            ours.metrics.decisions.labels(answer.decision.stage, answer.decision.actions[0].action_id).inc()
    return [
        answer_json(answer.decision, known=answer.known, explain=each.explain, kept=answer.answers)
        for each, answer in zip(asked, made, strict=True)
    ]


def _json(answer: bytes) -> Response:
    return Response(answer, media_type="application/json")


@contextmanager
def _named(place: str) -> Iterator[None]:
    """Says in front of a problem which of the batch has it."""
    try:
        yield
    except ProblemError as error:
        raise ProblemError(error.status, f"{place}: {error.problem}", remedy=error.remedy, kind=error.kind) from error
    except InputError as error:
        raise InputError(f"{place}: {error.problem}", remedy=error.remedy) from error


def _ask(asked: DecisionIn, decision_id: str, ours: Serving) -> Ask:
    ask = Ask(
        decision_id=decision_id,
        stage=asked.stage,
        channels=checked_channels([asked.channel] if asked.channel else None, ours.policy),
        context=asked.context,
        k=asked.k,
        placements=tuple(asked.placements),
        deferred=asked.deferred,
    )
    check(ask, ours.policy.catalogue)
    return ask


def _plain(asked: DecisionIn) -> dict[str, Any]:
    return asked.model_dump(mode="json", exclude={"explain", "dry_run", "decision_id"})


async def _dry_run(asked: DecisionIn, ask: Ask, ours: Serving, now: datetime) -> Recorded:
    ready = await ours.decider.ready(_subject(asked), now)
    made = ready.decide(replace(ask, decision_id=""), ours.policy)
    return Recorded(made.decision, ready.about.known, made.answers)


def _replayed(row: Mapping[str, Any], made: Recorded, policy: Policy | str) -> Replay:
    """Whether the stored row is as it was recorded, as far as its digest tells, and whether the same is decided on the situation in it."""
    changed = change_of(row, made.decision)
    if changed is not None:
        return Replay(same=False, why=changed)
    if isinstance(policy, str):
        return Replay(same=None, why=policy)
    try:
        again = decide(made.decision.situation, made.decision.ask, policy)
    except InputError as error:
        return Replay(same=None, why=f"{error.problem} {error.remedy}")
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:  # a record that was changed may hold anything
        return Replay(same=False, why=f"The record was changed: nothing can be decided on it ({error!r}).")
    return _compared(row["record"], made.decision.code_version, again)


def _compared(record: Mapping[str, Any], made_by: str, again: Decision) -> Replay:
    """The version of the program is told, and not compared: an update alone makes no decision another one."""
    other = made_by != again.code_version
    versions = f" Version {made_by} of the program made it, and version {again.code_version} made it again." if other else ""
    if orjson.loads(to_json(again)) == {**record, "code_version": again.code_version}:
        return Replay(same=True, why=f"Made again from its record, the decision is the same.{versions}")
    return Replay(same=False, why=f"Made again from its record, the decision differs: the record or the program was changed.{versions}")


def _subject(asked: DecisionIn) -> Subject:
    return Subject(asked.customer_id, asked.visitor_id)


def _id_of(idempotency_key: str | None) -> str:
    return str(uuid.uuid4() if idempotency_key is None else uuid.uuid5(_KEYS, idempotency_key))
