"""What a decision looks like over HTTP, whether recorded, previewed or looked up."""

from datetime import datetime
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

from decisions.actions import Offer as DecidedOffer
from decisions.decision import Candidate, Chosen, Decision, Terms
from decisions.reasons import Reason


class Why(BaseModel):
    """A reason: a code for programs, a sentence for people in English and in Vietnamese."""

    code: str
    sentence: str
    sentence_vi: str


class Sum(BaseModel):
    """What the priority is made of: response_probability x (1 + lift) x context_weight x value x lever - cost. value, costs and priority are money."""

    response_probability: float
    lift: float = Field(
        description="how much more the action brings than its answers tell: the catalogue's belief, fading as outcomes come in"
    )
    context_weight: float
    value: float
    value_source: str = Field(
        description="catalogue, order (its margin), journey (the gain of moving on), or prior (an assumption in its place)"
    )
    lever: float
    cost: float = Field(description="contact_cost + leaving_cost")
    contact_cost: float
    leaving_cost: float = Field(description="the contact's share in driving the customer away")
    priority: float


class From(BaseModel):
    """The person who speaks."""

    name: str
    title: str
    photo_url: str
    reply_to: str


class Words(BaseModel):
    """What to say, in the customer's language. `html` is safe to show: everything that was filled in is escaped."""

    locale: str
    subject: str
    body: str
    format: str = Field(description="html or text")
    channel: str
    sender: From | None


class Goods(BaseModel):
    """A product that the message speaks of."""

    product_id: str
    name: str
    url: str
    reason: str
    price: float | None
    category: str
    brand: str
    image_url: str


class Given(BaseModel):
    """What the shop gives if the customer accepts."""

    discount_share: float
    free_shipping: bool
    code: str
    valid_days: int | None
    on_products: bool = Field(description="for the products that are shown alone")


class ActionAnswer(BaseModel):
    """One action to take."""

    action_id: str
    name: str
    channel: str | None
    treatment: str | None = Field(description="the locale whose text is used")
    message: Words | None
    offer: Given | None
    products: list[Goods]
    rank: int
    priority: float = Field(description="money")
    terms: Sum
    action_probability: float = Field(description="of standing first; where several placements are filled, in its own")
    placement: str | None
    send_at: datetime | None = Field(
        description="the customer's best next time on this channel, UTC; null where customers come by themselves"
    )
    explored: bool = Field(description="drawn to learn from, though another had a higher priority")
    reasons: list[Why]


class Forbidden(BaseModel):
    """An action that was not allowed, and why."""

    action_id: str
    reasons: list[Why]


class Stood(BaseModel):
    """An action as it stood for choice."""

    action_id: str
    allowed: bool
    reasons: list[Why]
    terms: Sum
    probability: float


class Choice(BaseModel):
    """The choice in words."""

    best_action_id: str = Field(description="what has the highest priority of all that is allowed")
    runner_up_id: str | None
    margin: float | None = Field(description="money by which the best is ahead of the runner-up")
    sentence: str
    sentence_vi: str


class DecisionAnswer(BaseModel):
    """What to do for somebody now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"decision_id": "5f0c", "customer_id": "17850", "stage": "retention", "policy_version": "a1b2", "holdout": False}]
        }
    )

    decision_id: str | None = Field(description="null for a preview: nothing is recorded")
    customer_id: str
    stage: str
    policy_version: str
    actions: list[ActionAnswer] = Field(description="never empty: at least no_action, with the reason")
    why: Choice
    suppressed: list[Forbidden]
    group: str = Field(description="policy; or one of those who measure: no_action gets nothing, random gets any allowed action")
    holdout: bool = Field(description="in the group that gets no action, to measure what actions bring")
    fallback: bool = Field(description="nothing is known about them, or no action is allowed")
    candidates: list[Stood] | None = Field(default=None, description="every action with its terms; with explain")


def answer_json(decision: Decision, *, known: bool, explain: bool = False, kept: dict[bool, bytes] | None = None) -> bytes:
    """The answer that shows this decision, as JSON; without an id it is a preview. A model of it would be made, checked and taken apart for nothing.

    `kept` keeps what the answers of decisions that differ by their ids alone have in common, by `explain`.
    """
    rest = None if kept is None else kept.get(explain)
    if rest is None:
        plain = answer_plain(decision, known=known, explain=explain)
        del plain["decision_id"]
        rest = orjson.dumps(plain)[1:]
        if kept is not None:
            kept[explain] = rest
    return b'{"decision_id":' + orjson.dumps(decision.decision_id or None) + b"," + rest


def answer_plain(decision: Decision, *, known: bool, explain: bool = False) -> dict[str, Any]:
    """The same in the fields of `DecisionAnswer`, as far as JSON has to be told: what is a dataclass is written with its own."""
    stood = decision.stood
    forbidden = [action_id for action_id, allowed in zip(stood.action_ids, stood.allowed, strict=True) if not allowed]
    return {
        "decision_id": decision.decision_id or None,
        "customer_id": decision.customer_id,
        "stage": decision.stage,
        "policy_version": decision.policy_version,
        "actions": [_action(chosen) for chosen in decision.actions],
        "why": decision.why,
        "suppressed": [{"action_id": each, "reasons": _reasons(stood.reasons.get(each, ()))} for each in forbidden],
        "group": decision.group,
        "holdout": decision.holdout,
        "fallback": decision.fallback or not known,
        "candidates": [_stood(each) for each in decision.candidates] if explain else None,
    }


def _action(chosen: Chosen) -> dict[str, Any]:
    return {
        "action_id": chosen.action_id,
        "name": chosen.name,
        "channel": chosen.channel or None,
        "treatment": chosen.treatment,
        "message": chosen.message,
        "offer": _offer(chosen.offer) if chosen.offer else None,
        "products": chosen.products,
        "rank": chosen.rank,
        "priority": chosen.priority,
        "terms": _terms(chosen.terms),
        "action_probability": chosen.action_probability,
        "placement": chosen.placement,
        "send_at": chosen.send_at,
        "explored": chosen.explored,
        "reasons": _reasons(chosen.reasons),
    }


def _offer(offer: DecidedOffer) -> dict[str, Any]:
    return {name: getattr(offer, name) for name in Given.model_fields}


def _stood(candidate: Candidate) -> dict[str, Any]:
    return {
        "action_id": candidate.action_id,
        "allowed": candidate.allowed,
        "reasons": _reasons(candidate.reasons),
        "terms": _terms(candidate.terms),
        "probability": candidate.probability,
    }


def _terms(terms: Terms) -> dict[str, Any]:
    return {name: getattr(terms, name) for name in Sum.model_fields}


def _reasons(reasons: tuple[Reason, ...]) -> list[dict[str, str]]:
    return [{"code": each.code, "sentence": each.sentence, "sentence_vi": each.sentence_vi} for each in reasons]
