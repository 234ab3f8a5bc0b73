"""A decision: what was chosen, what else stood for choice, why, and all that is needed to make it again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from decisions.actions import Offer
from decisions.holdout import Group
from decisions.messages import Message
from decisions.reasons import Reason
from decisions.situation import Ask, Product, Situation
from features.contract import NO_ACTION

TERMS: Final = ("response_probability", "lift", "context_weight", "value", "lever", "contact_cost", "leaving_cost", "priority")
"""The terms of a priority, in the order of the sum; see `decisions.arbitration`."""


@dataclass(frozen=True)
class Terms:
    """What a priority is made of. value, the costs and priority are money; `value_source` says where the value is from (`decisions.value.SOURCES`)."""

    response_probability: float
    lift: float
    context_weight: float
    value: float
    lever: float
    contact_cost: float
    leaving_cost: float
    priority: float
    value_source: str = "order"

    @property
    def cost(self) -> float:
        """What a contact costs, with its share in leaving."""
        return self.contact_cost + self.leaving_cost

    @property
    def expected_value(self) -> float:
        """Expected money of the action itself, without the business's weights: response x (1 + lift) x value - cost."""
        return self.response_probability * (1.0 + self.lift) * self.value - self.cost


@dataclass(frozen=True)
class Candidate:
    """One action of the catalogue as it stood for choice.

    Where it is not allowed, `reasons` say what forbade it; where it is, they are remarks. `probability` is of standing first; 0 if forbidden.
    """

    action_id: str
    channel: str
    allowed: bool
    reasons: tuple[Reason, ...]
    terms: Terms
    probability: float


@dataclass(frozen=True)
class Stood:
    """All candidates of a decision, column by column: `terms` by the names of `TERMS`, `reasons` by action_id where there are any."""

    action_ids: tuple[str, ...]
    channels: tuple[str, ...]
    allowed: tuple[bool, ...]
    probability: tuple[float, ...]
    terms: Mapping[str, tuple[float, ...]]
    value_sources: tuple[str, ...]
    reasons: Mapping[str, tuple[Reason, ...]]

    def candidate(self, place: int) -> Candidate:
        """The candidate at this place."""
        action_id = self.action_ids[place]
        reasons = self.reasons.get(action_id, ())
        return Candidate(action_id, self.channels[place], self.allowed[place], reasons, self.terms_of(place), self.probability[place])

    def terms_of(self, place: int) -> Terms:
        """The terms of the candidate at this place."""
        return Terms(**{name: self.terms[name][place] for name in TERMS}, value_source=self.value_sources[place])


@dataclass(frozen=True)
class Chosen:
    """One action of the answer. `action_probability` is of standing first, or in its placement; `explored` says that it was not the best there.

    `send_at` is the customer's best next time for it (naive UTC), now or later; None for channels that customers come to by themselves.
    """

    action_id: str
    name: str
    channel: str
    group: str
    rank: int
    terms: Terms
    action_probability: float
    drawn_probability: float
    explored: bool
    reasons: tuple[Reason, ...]
    message: Message | None = None
    products: tuple[Product, ...] = ()
    offer: Offer | None = None
    placement: str | None = None
    send_at: datetime | None = None

    @property
    def priority(self) -> float:
        """Money: by what the action stood for choice."""
        return self.terms.priority

    @property
    def treatment(self) -> str | None:
        """The locale whose text is used; None for an action that says nothing."""
        return self.message.locale if self.message else None


@dataclass(frozen=True)
class Reservation:
    """What a decision rests on, and takes when it is recorded.

    "contacts": with this one there are at most `most` contacts over these channels, groups or actions (`what`) in the last `days` days.
    "budget": the action (`what`) takes a contact and its cost from what its budget leaves.
    """

    kind: Literal["contacts", "budget"]
    what: str
    count: int = 1
    money: float = 0.0
    days: int | None = None
    most: float | None = None


@dataclass(frozen=True)
class Why:
    """The choice in words: what has the highest priority, what comes second and by how much money, and a plain sentence in both languages."""

    best_action_id: str
    runner_up_id: str | None
    margin: float | None
    sentence: str
    sentence_vi: str


@dataclass(frozen=True)
class Decision:
    """The answer to an ask. `actions` is never empty. `order_probability` is of exactly this list, in this order.

    `code_version` and `models` name what decided, beside the policy. `group` tells whether the customer is one of those who measure
    (`decisions.holdout`).
    """

    decision_id: str
    customer_id: str
    decided_at: datetime
    stage: str
    policy_version: str
    code_version: str
    models: Mapping[str, str]
    group: Group
    fallback: bool
    actions: tuple[Chosen, ...]
    stood: Stood
    order_probability: float
    reservations: tuple[Reservation, ...]
    why: Why
    situation: Situation
    ask: Ask

    @property
    def holdout(self) -> bool:
        """Whether nothing is done, to measure what actions bring."""
        return self.group == "no_action"

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Every action of the catalogue as it stood for choice."""
        return tuple(self.stood.candidate(place) for place in range(len(self.stood.action_ids)))

    @property
    def suppressed(self) -> tuple[Candidate, ...]:
        """The candidates that were not allowed, with their reasons."""
        return tuple(self.stood.candidate(place) for place, allowed in enumerate(self.stood.allowed) if not allowed)


def contacts_of(actions: Sequence[Chosen]) -> list[Chosen]:
    """The actions that contact the customer."""
    return [each for each in actions if each.action_id != NO_ACTION]
