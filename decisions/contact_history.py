"""Answers questions about earlier contacts (`decisions.contact_names.ContactFact`), for one customer and for many: one meaning, two ways to count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from decisions.actions import Catalogue
from decisions.contact_names import ContactFact
from decisions.situation import Contact
from features.contract import NO_ACTION
from features.instants import microseconds

Floats = NDArray[np.float64]
Kind = tuple[str, str]
"""Action and channel of a contact."""

_SECOND_US: Final = 1e6
_DAY_SECONDS: Final = 86_400.0


class ContactFacts:
    """The questions of one policy, made ready: which of them a contact of which action and channel is about."""

    def __init__(self, facts: Sequence[ContactFact], catalogue: Catalogue) -> None:
        self.facts = tuple(facts)
        self._catalogue = catalogue
        self._none: dict[str, float | None] = {fact.name: 0.0 if fact.kind == "count" else None for fact in self.facts}
        self._about: dict[Kind, tuple[ContactFact, ...]] = {}
        self._place = {fact.name: number for number, fact in enumerate(self.facts)}

    def about(self, action_id: str, channel: str) -> tuple[ContactFact, ...]:
        """The questions that a contact of this action by this channel is about, whatever its age and outcomes."""
        kind = action_id, channel
        if kind not in self._about:
            self._about[kind] = tuple(fact for fact in self.facts if _is_about(fact, action_id, channel, self._catalogue))
        return self._about[kind]

    def of(self, contacts: Sequence[Contact], as_of: datetime) -> dict[str, float | None]:
        """The answers for one customer, by name; "days_since" is None where there was none. `no_action` is no contact; what comes later is not seen."""
        found = dict(self._none)
        for contact in contacts:
            age = (as_of - contact.decided_at).total_seconds() / _DAY_SECONDS
            if age <= 0 or contact.action_id == NO_ACTION:
                continue
            for fact in self.about(contact.action_id, contact.channel):
                if (fact.days is None or age < fact.days) and (fact.outcome is None or fact.outcome in contact.outcomes):
                    known = found[fact.name]
                    found[fact.name] = (known or 0.0) + 1.0 if fact.kind == "count" else age if known is None else min(age, known)
        return found

    def after(self, values: Mapping[str, object], action_id: str, channel: str) -> dict[str, object]:
        """These answers once this action was picked, too, now: a contact of age 0 that has no outcome yet."""
        changed = dict(values)
        for fact in self.about(action_id, channel):
            if fact.outcome is None:
                known = changed.get(fact.name)
                changed[fact.name] = (known if isinstance(known, float) else 0.0) + 1.0 if fact.kind == "count" else 0.0
        return changed

    def of_many(self, rows: "ContactRows", customers: int) -> dict[str, Floats]:
        """The answers for so many customers, by name; "days_since" is NaN where there was none."""
        answered = {outcome: rows.with_outcome(outcome) for outcome in {fact.outcome for fact in self.facts if fact.outcome}}
        asked = np.zeros((len(self.facts), len(rows.kinds)), dtype=bool)
        for number, kind in enumerate(rows.kinds):
            asked[[self._place[fact.name] for fact in self.about(*kind)], number] = True
        whose = (about[rows.kind] if rows.kinds else np.zeros(0, dtype=bool) for about in asked)
        return {fact.name: _measured(fact, counted, rows, customers, answered) for fact, counted in zip(self.facts, whose, strict=True)}


def _measured(
    fact: ContactFact, counted: NDArray[np.bool_], rows: "ContactRows", customers: int, answered: Mapping[str, NDArray[np.bool_]]
) -> Floats:
    """The answers to one question, about these contacts."""
    if fact.days is not None:
        counted = counted & (rows.age_days < fact.days)
    if fact.outcome is not None:
        counted = counted & answered[fact.outcome]
    if fact.kind == "count":
        return np.bincount(rows.customer[counted], minlength=customers).astype(np.float64)
    newest = np.full(customers, np.inf)
    np.minimum.at(newest, rows.customer[counted], rows.age_days[counted])
    return np.where(np.isfinite(newest), newest, np.nan)


@dataclass(frozen=True, eq=False)
class ContactRows:
    """Earlier contacts of many customers, one row each: whose (row of the customer), how old, of which kind, and with which outcomes.

    `kind` is an index into `kinds`, `outcome` one into `outcomes` (each a tuple of outcome types).
    """

    customer: NDArray[np.int64]
    age_days: Floats
    kind: NDArray[np.int64]
    kinds: tuple[Kind, ...]
    outcome: NDArray[np.int64]
    outcomes: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, contacts: Sequence[Sequence[Contact]], as_of: datetime) -> "ContactRows":
        """The contacts of each customer as of one time."""
        kinds: dict[Kind, int] = {}
        outcomes: dict[tuple[str, ...], int] = {}
        now = microseconds(as_of)
        rows = [
            (
                customer,
                (now - microseconds(each.decided_at)) / _SECOND_US / _DAY_SECONDS,
                kinds.setdefault((each.action_id, each.channel), len(kinds)),
                outcomes.setdefault(tuple(each.outcomes), len(outcomes)),
            )
            for customer, theirs in enumerate(contacts)
            for each in theirs
            if each.action_id != NO_ACTION and each.decided_at < as_of
        ]
        customer, age, kind, outcome = (np.array(column) for column in zip(*rows, strict=True)) if rows else (np.empty(0),) * 4
        return cls(
            customer.astype(np.int64),
            age.astype(np.float64),
            kind.astype(np.int64),
            tuple(kinds),
            outcome.astype(np.int64),
            tuple(outcomes),
        )

    def with_outcome(self, outcome: str) -> NDArray[np.bool_]:
        """Which contacts had this outcome."""
        has = np.array([outcome in each for each in self.outcomes], dtype=bool)
        return has[self.outcome] if self.outcomes else np.zeros(0, dtype=bool)


def _is_about(fact: ContactFact, action_id: str, channel: str, catalogue: Catalogue) -> bool:
    if fact.channels is not None and channel not in fact.channels:
        return False
    if fact.action_ids is not None and action_id not in fact.action_ids:
        return False
    action = catalogue.action(action_id)
    return fact.groups is None or (action is not None and not fact.groups.isdisjoint(action.groups))
