"""What a decision is made from: the customer's situation, and what is asked."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from features.contract import STAGES
from features.definitions import NAMES
from features.errors import InputError
from features.expressions import scalar
from features.nearest import nearest

MOST_ACTIONS: Final = 50
_FEATURES: Final = frozenset(NAMES)
VISITOR: Final = "subject:visitor"
"""The name under which gates ask whether it is a visitor."""


@dataclass(frozen=True)
class Product:
    """A product that an action may speak of, and why it was picked for this customer."""

    product_id: str
    name: str
    url: str = ""
    reason: str = ""
    price: float | None = None
    category: str = ""
    brand: str = ""
    image_url: str = ""


@dataclass(frozen=True)
class Contact:
    """An earlier decision about this customer, with the outcomes known so far."""

    decision_id: str
    action_id: str
    channel: str
    decided_at: datetime
    outcomes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ShopHabits:
    """What all customers of the shop do together: contacts sent and answered by channel, what they do by hour of the day, the shop's time zone."""

    answers: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    hours: tuple[float, ...] = ()
    timezone: str = "UTC"


NO_HABITS: Final = ShopHabits()


@dataclass(frozen=True)
class Situation:
    """One customer as of an instant: everything that a decision may look at.

    Unknown features and profile values are left out when it is made; profile values become numbers and texts (instants: ISO text).
    A profile's column that is called like a feature is left out, too: the feature is meant.
    `expected_order_value` is money: what this customer's next order is worth, or the shop's mean where that is unknown.
    `consent` says yes or no per channel; a channel that it does not name has no consent information at all.
    `products` holds, per source (affinity, repeat, cart, viewed), what may be offered, best first.
    `visitor` says that nobody knows yet who they are, so that they have no address.
    `timezone` is the customer's (IANA; empty is the shop's). `hours` counts what they did by hour of their local day, `answers` says per channel how
    many contacts they were sent and answered; `shop` has the same of all customers together. `budgets_left` names the actions that have a
    budget: (contacts, money) that are left of it now, None where there is no such limit.
    """

    customer_id: str
    as_of: datetime
    stage: str
    features: Mapping[str, float] = field(default_factory=dict)
    profile: Mapping[str, object] = field(default_factory=dict)
    consent: Mapping[str, bool] = field(default_factory=dict)
    contacts: Sequence[Contact] = ()
    churn_probability: float | None = None
    expected_order_value: float = 0.0
    products: Mapping[str, Sequence[Product]] = field(default_factory=dict)
    timezone: str = ""
    hours: tuple[float, ...] = ()
    answers: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    shop: ShopHabits = NO_HABITS
    budgets_left: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    visitor: bool = False

    def __post_init__(self) -> None:
        numbers = {name: float(value) for name, value in self.features.items()}
        texts = {name: scalar(value) for name, value in self.profile.items()}
        known = {
            "features": {name: value for name, value in numbers.items() if math.isfinite(value)},
            "profile": {
                name: value for name, value in texts.items() if value is not None and value not in (math.inf, -math.inf) and _own(name)
            },
            "consent": {channel: bool(given) for channel, given in self.consent.items()},
            "contacts": tuple(self.contacts),
            "products": {source: tuple(found) for source, found in self.products.items()},
            "churn_probability": _number(self.churn_probability),
            "expected_order_value": _number(self.expected_order_value) or 0.0,
            "hours": tuple(self.hours),
            "answers": {channel: (float(sent), float(answered)) for channel, (sent, answered) in self.answers.items()},
            "budgets_left": {action_id: (_number(contacts), _number(money)) for action_id, (contacts, money) in self.budgets_left.items()},
        }
        for name, value in known.items():
            object.__setattr__(self, name, value)


@dataclass(frozen=True)
class Ask:
    """What is asked: under which decision id, for which stage and channels, how many actions, with which weights.

    `stage` None means the customer's own; `channels` None means any. `context` weighs action groups or single actions, from 0 to 5; 1 is neutral.
    `k` is how many actions to give at most; `seed` None takes the policy's. The same seed, customer and decision id give the same answer.
    `placements` are the places to fill, each with one action, none twice: then `k` does not count. `deferred` says that the contact is made at
    its best time, not now: quiet hours do not forbid it.
    """

    decision_id: str = ""
    stage: str | None = None
    channels: frozenset[str] | None = None
    context: Mapping[str, float] = field(default_factory=dict)
    k: int = 1
    seed: int | None = None
    placements: tuple[str, ...] = ()
    deferred: bool = False


def stage_place(stage: str) -> int:
    """The stage's place in `features.contract.STAGES`. Raises InputError for a stage that is none."""
    if stage not in STAGES:
        raise InputError(
            f"The stage {stage!r} is not known.", remedy=f"The nearest known is {nearest(stage, STAGES)!r} of {', '.join(STAGES)}."
        )
    return STAGES.index(stage)


def _own(name: str) -> bool:
    """Whether a column of the shop's has a name of its own: features, and names that are made for gates, are never taken from a profile."""
    return name not in _FEATURES and ":" not in name


def _number(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
