"""What a decision looks like over HTTP, whether recorded, previewed or looked up."""

from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

_WHY: Final[JsonDict] = {
    "code": "best",
    "sentence": "Of all that is allowed, it is worth the most.",
    "sentence_vi": "Trong những gì được phép, đây là lựa chọn có giá trị nhất.",
}
_TERMS: Final[JsonDict] = {
    "response_probability": 0.12,
    "lift": 0.3,
    "context_weight": 1.0,
    "value": 18.4,
    "value_source": "order",
    "lever": 1.0,
    "cost": 0.05,
    "contact_cost": 0.02,
    "leaving_cost": 0.03,
    "priority": 2.82,
}
EXAMPLE: Final[JsonDict] = {
    "decision_id": "5f0c7b1e-8a51-4d0e-9d64-0c8f8f1d6b1a",
    "customer_id": "17850",
    "stage": "retention",
    "policy_version": "a1b2c3d4",
    "actions": [
        {
            "action_id": "replenish_reminder",
            "name": "Replenishment reminder",
            "channel": "email",
            "treatment": "en",
            "message": {
                "locale": "en",
                "subject": "Time for more?",
                "body": "<p>You may soon run out of this.</p>",
                "format": "html",
                "channel": "email",
                "sender": {"name": "An", "title": "Shop keeper", "photo_url": "", "reply_to": "an@shop.example"},
            },
            "offer": {"discount_share": 0.1, "free_shipping": False, "code": "BACK10", "valid_days": 7, "on_products": True},
            "products": [
                {
                    "product_id": "85123A",
                    "name": "White hanging heart",
                    "url": "https://shop.example/85123A",
                    "reason": "bought twice",
                    "price": 2.55,
                    "category": "Home",
                    "brand": "",
                    "image_url": "",
                }
            ],
            "rank": 1,
            "priority": 2.82,
            "terms": _TERMS,
            "action_probability": 0.98,
            "placement": None,
            "send_at": "2011-11-09T18:00:00",
            "explored": False,
            "reasons": [_WHY],
        }
    ],
    "why": {
        "best_action_id": "replenish_reminder",
        "runner_up_id": "no_action",
        "margin": 2.82,
        "sentence": "Replenishment reminder is worth 2.82 more than no action.",
        "sentence_vi": "Nhắc mua lại có giá trị hơn 2.82 so với không làm gì.",
    },
    "suppressed": [{"action_id": "winback_offer", "reasons": [_WHY | {"code": "stage"}]}],
    "group": "policy",
    "holdout": False,
    "fallback": False,
    "candidates": None,
}
_STAGES: Final[JsonDict] = {
    "customer_id": "17850",
    "stage": "retention",
    "stages": {"retention": EXAMPLE | {"decision_id": None}},
}
_RECORD: Final[JsonDict] = {
    "decision_id": "5f0c7b1e-8a51-4d0e-9d64-0c8f8f1d6b1a",
    "customer_id": "17850",
    "visitor_id": None,
    "decided_at": "2011-11-09T09:30:00",
    "answer": EXAMPLE,
    "request": {"customer_id": "17850", "k": 1},
    "features": {"order_count": 12.0},
    "policy_version": "a1b2c3d4",
    "code_version": "0.1.0",
    "models": {"response": "2"},
    "reserved": [{"kind": "budget", "what": "replenish_reminder", "count": 1, "money": 0.02, "days": 1, "most": 500.0}],
    "order_probability": 0.98,
    "outcomes": [{"event_id": "o-1", "outcome_type": "converted", "occurred_at": "2011-11-09T19:12:00", "value": 42.5}],
    "replay": {"same": True, "why": "Made again from its record, the decision is the same."},
}


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

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

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


class BatchAnswer(BaseModel):
    """The answers, in the order of what was asked."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"decisions": [EXAMPLE]}]})

    decisions: list[DecisionAnswer]


class OutcomeOf(BaseModel):
    """One outcome of a decision."""

    event_id: str
    outcome_type: str
    occurred_at: datetime
    value: float | None


class Reserved(BaseModel):
    """A limit or budget that the decision took from."""

    kind: str
    what: str
    count: int
    money: float
    days: int | None
    most: float | None


class Replay(BaseModel):
    """The decision made again from its record."""

    same: bool | None = Field(
        description="true: the row is as it was recorded, and decides the same again, to the last digit; null: it cannot be made again here"
    )
    why: str


class DecisionRecord(BaseModel):
    """A decision as it was recorded."""

    model_config = ConfigDict(json_schema_extra={"examples": [_RECORD]})

    decision_id: str
    customer_id: str | None
    visitor_id: str | None
    decided_at: datetime
    answer: DecisionAnswer
    request: dict[str, Any] = Field(description="what was asked")
    features: dict[str, float] = Field(description="what the policy saw")
    policy_version: str = Field(description="of the catalogue, the limits, the models and the rules that decided")
    code_version: str
    models: dict[str, str] = Field(description="the versions of the models that were asked, by kind")
    reserved: list[Reserved] = Field(description="the limits and budgets that it rested on, and took from")
    order_probability: float = Field(description="of exactly this list of actions")
    outcomes: list[OutcomeOf]
    replay: Replay


class EveryStage(BaseModel):
    """The answer for every stage, and the stage that the customer is in."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"customer_id": "17850", "stage": "retention", "stages": {"retention": EXAMPLE | {"decision_id": None}}}]
        }
    )

    customer_id: str
    stage: str = Field(description="the stage that the customer is in now")
    stages: dict[str, DecisionAnswer]
