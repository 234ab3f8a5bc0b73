"""The moment of one decision: the situation, seen once from all the sides that the gates and the arbitration look from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from decisions.actions import Action, Catalogue
from decisions.limits import Limits
from decisions.situation import MOST_ACTIONS, Ask, Contact, Situation
from features.contract import NO_ACTION, STAGES
from features.errors import InputError
from features.nearest import nearest

HEAVIEST_WEIGHT = 5.0
DAY_SECONDS = 86_400.0


@dataclass(frozen=True)
class Moment:
    """A checked ask about a situation. `contacts` are the earlier contacts with their age in days; `picked` is chosen already, now."""

    situation: Situation
    ask: Ask
    stage: str
    catalogue: Catalogue
    limits: Limits
    contacts: tuple[tuple[float, Contact], ...]
    values: Mapping[str, object]
    picked: tuple[Action, ...] = ()

    def count(self, channels: frozenset[str], days: float) -> int:
        """Contacts over these channels that are younger than so many days, and those picked now."""
        earlier = sum(age < days and contact.channel in channels for age, contact in self.contacts)
        return earlier + sum(action.channel in channels for action in self.picked)

    def after(self, action: Action) -> Self:
        """The moment when this action is picked as well."""
        return replace(self, picked=(*self.picked, action))


def moment_of(situation: Situation, ask: Ask, catalogue: Catalogue, limits: Limits) -> Moment:
    """The moment in which this ask is decided. Raises InputError for an unknown stage or context name, and a weight or `k` out of range."""
    _check(ask, catalogue)
    stage = situation.stage if ask.stage is None else ask.stage
    if stage not in STAGES:
        raise InputError(
            f"The stage {stage!r} is not known.", remedy=f"The nearest known is {nearest(stage, STAGES)!r} of {', '.join(STAGES)}."
        )
    contacts = tuple(_aged(situation))
    return Moment(situation, ask, stage, catalogue, limits, contacts, _values(situation, stage, contacts))


def _aged(situation: Situation) -> list[tuple[float, Contact]]:
    aged = [((situation.as_of - c.decided_at).total_seconds() / DAY_SECONDS, c) for c in situation.contacts if c.action_id != NO_ACTION]
    return sorted(((age, contact) for age, contact in aged if age > 0), key=lambda pair: pair[0])


def _values(situation: Situation, stage: str, contacts: tuple[tuple[float, Contact], ...]) -> dict[str, object]:
    return {
        **situation.profile,
        **situation.features,
        "stage": stage,
        "churn_probability": situation.churn_probability,
        "expected_order_value": situation.expected_order_value,
        "contact_count_7d": sum(age < 7 for age, _ in contacts),
        "contact_count_30d": sum(age < 30 for age, _ in contacts),
        "days_since_contact": contacts[0][0] if contacts else None,
    }


def _check(ask: Ask, catalogue: Catalogue) -> None:
    if isinstance(ask.k, bool) or not isinstance(ask.k, int) or not 1 <= ask.k <= MOST_ACTIONS:
        raise InputError(f"k is {ask.k!r}.", remedy=f"Ask for 1 to {MOST_ACTIONS} actions.")
    for name, weight in ask.context.items():
        if name not in catalogue.weighable:
            like = nearest(name, catalogue.weighable)
            raise InputError(
                f"The context weighs {name!r}, which is no action and no group of the catalogue.", remedy=f"The nearest known is {like!r}."
            )
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= HEAVIEST_WEIGHT:
            raise InputError(
                f"The context weighs {name!r} with {weight!r}.", remedy=f"Give a number from 0 to {HEAVIEST_WEIGHT:g}; 1 is neutral."
            )
