"""A decision: what was chosen, what else stood for choice, why, and all that is needed to make it again."""

from dataclasses import dataclass
from datetime import datetime

from decisions.actions import Offer
from decisions.messages import Message
from decisions.situation import Ask, Product, Situation


@dataclass(frozen=True)
class Reason:
    """Why: a code for programs and a sentence for people."""

    code: str
    sentence: str


@dataclass(frozen=True)
class Terms:
    """What a priority is made of. value, cost and priority are money."""

    response_probability: float
    value: float
    context_weight: float
    lever: float
    cost: float
    priority: float

    @property
    def expected_value(self) -> float:
        """Expected money of the action itself, without the business's weights: response x value - cost."""
        return self.response_probability * self.value - self.cost


@dataclass(frozen=True)
class Candidate:
    """One action of the catalogue as it stood for choice.

    Where it is not allowed, `reasons` say what forbade it; where it is, they are remarks. `probability` is of standing first; 0 if forbidden.
    """

    action_id: str
    allowed: bool
    reasons: tuple[Reason, ...]
    terms: Terms
    probability: float


@dataclass(frozen=True)
class Chosen:
    """One action of the answer. `action_probability` is of standing first; `explored` says that it was not the best at its rank."""

    action_id: str
    name: str
    channel: str
    group: str
    rank: int
    priority: float
    terms: Terms
    action_probability: float
    explored: bool
    reasons: tuple[Reason, ...]
    message: Message | None = None
    products: tuple[Product, ...] = ()
    offer: Offer | None = None

    @property
    def treatment(self) -> str | None:
        """The locale whose text is used; None for an action that says nothing."""
        return self.message.locale if self.message else None


@dataclass(frozen=True)
class Reservation:
    """A count that must still fit when the decision is recorded: at most `most` contacts over these channels in the last `days` days."""

    customer_id: str
    channels: tuple[str, ...]
    days: int
    most: int
    count: int


@dataclass(frozen=True)
class Decision:
    """The answer to an ask. `actions` is never empty. `order_probability` is of exactly this list, in this order."""

    decision_id: str
    customer_id: str
    decided_at: datetime
    stage: str
    policy_version: str
    holdout: bool
    fallback: bool
    actions: tuple[Chosen, ...]
    candidates: tuple[Candidate, ...]
    order_probability: float
    reservations: tuple[Reservation, ...]
    situation: Situation
    ask: Ask

    @property
    def suppressed(self) -> tuple[Candidate, ...]:
        """The candidates that were not allowed, with their reasons."""
        return tuple(candidate for candidate in self.candidates if not candidate.allowed)
