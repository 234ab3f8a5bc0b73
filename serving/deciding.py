"""From one customer as of now to a decision: gathers the situation, asks `decisions.decide`, and records before anything is answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from decisions.contact_time import timezone_of
from decisions.decide import decide
from decisions.decision import Decision, contacts_of
from decisions.merchandising import Filters, exclusions_of
from decisions.named_affinity import NamedAffinity
from decisions.offerable import offerable
from decisions.offers import offered
from decisions.own_habits import habits
from decisions.policy import Policy
from decisions.product_scope import narrow_scopes
from decisions.records import from_record
from decisions.situation import Ask, Contact, Product, Situation
from features.errors import InputError
from serving.budgets_now import Left, after, budgets_left, takes
from serving.champions import Champions
from serving.current import Current, Reader
from serving.decision_rows import Recorded, Subject, contact_rows, request_of, row_of, stored_row
from serving.errors import ProblemError
from serving.offering import Offering
from serving.older_policies import OlderPolicies
from serving.published_contacts import published_contact
from serving.recording import Entry, Outcome, record
from serving.risk import churn_probability
from serving.state import decisions
from serving.state.database import State
from serving.state.policies import KeptPolicies

__all__ = ["Decider", "Recorded", "Subject", "Wanted"]

MOST_ATTEMPTS: Final = 5
"""Rounds in a row that record nothing, after which a customer about whom others decide all the time is left to ask again."""
MOST_ROUNDS: Final = 50
"""Rounds at most: each budget that is used up in between takes one, and each that somebody else was faster in."""
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Wanted:
    """One decision that is asked for: about whom, what, and the request as it came, which is kept with it."""

    subject: Subject
    ask: Ask
    asked: Mapping[str, Any]


@dataclass(frozen=True)
class Decider:
    """Everything that decides, for one server. `older` finds the policies of earlier decisions."""

    reader: Reader
    champions: Champions
    policy: Policy
    offering: Offering
    kept: KeptPolicies = field(default_factory=KeptPolicies)
    older: OlderPolicies | None = None

    def read(self, connection: Connection, subject: Subject, now: datetime) -> tuple[Current, Situation]:
        """The subject as of now, and the situation to decide on."""
        if subject.customer_id is not None:
            current = self.reader.customer(connection, subject.customer_id, now)
        else:
            current = self.reader.visitor(connection, subject.visitor_id or "", now)
        return current, self._situation(current, budgets_left(connection, self.policy, now, current.shop.habits.timezone))

    def record(self, state: State, wanted: Sequence[Wanted], now: datetime) -> list[Recorded]:
        """Decides and records each, in this order; one whose id is recorded already gives that record again, if the same was asked.

        Limits and budgets hold because a decision is recorded only if nobody was contacted since its history was read, and the budgets still have
        what it takes; otherwise it is made anew from what is known then (`serving.recording`).
        """
        found: dict[int, Recorded] = {}
        in_vain = 0
        for _ in range(MOST_ROUNDS):
            left = [number for number in range(len(wanted)) if number not in found]
            if not left or in_vain > MOST_ATTEMPTS:
                break
            with state.reading() as connection:
                known, made = self._decide(connection, [wanted[number] for number in left], now)
            outcomes = record(state, [each.entry for each in made.values()], lambda connection: self._keep(connection, now))
            found |= {left[place]: each for place, each in known.items()}
            done = [(place, each) for (place, each), outcome in zip(made.items(), outcomes, strict=True) if outcome is Outcome.RECORDED]
            found |= {left[place]: each.recorded for place, each in done}
            in_vain = in_vain + 1 if not done and Outcome.CONTACTED in outcomes else 0
        if len(found) < len(wanted):
            raise _contended(len(found), wanted)
        return [found[number] for number in range(len(wanted))]

    def _decide(self, connection: Connection, wanted: Sequence[Wanted], now: datetime) -> tuple[dict[int, Recorded], dict[int, "_Made"]]:
        """By their places: what is recorded already, and what is decided now, each as if those before it were recorded: they contacted and took."""
        known, made, carried = dict[int, Recorded](), dict[int, _Made](), _Carried()
        left: Left | None = None
        for place, each in enumerate(wanted):
            if (row := stored_row(connection, each.ask.decision_id)) is not None:
                known[place] = self._again(connection, row, each.asked)
                continue
            current, situation = self.read(connection, each.subject, now)
            earlier = carried.of(current.subject_ids)
            seen = decisions.contact_count(connection, current.subject_ids) + len(earlier)
            situation = replace(situation, contacts=(*situation.contacts, *earlier)) if earlier else situation
            if left is not None:
                situation = replace(situation, budgets_left=left)
            decision = decide(situation, each.ask, self.policy)
            left = after(dict(situation.budgets_left), decision)
            carried.add(decision, now)
            recorded = Recorded(decision, current.known)
            taken = takes(decision, self.policy, current.shop.habits.timezone)
            entry = Entry(row_of(recorded, each.subject, current, each.asked), contact_rows(decision), taken, current.subject_ids, seen)
            made[place] = _Made(recorded, entry)
        return known, made

    def recorded(self, connection: Connection, row: Mapping[str, Any]) -> Recorded:
        """The decision that a stored row holds; without the policy that made it, gates have their codes alone."""
        policy = self.older.find(connection, row["policy_version"]) if self.older else self.policy
        try:
            decision = from_record(row["record"], None if isinstance(policy, str) else policy)
        except InputError as error:
            raise ProblemError(409, error.problem, remedy=error.remedy, kind="unreadable-record") from error
        return Recorded(decision, bool(request_of(row).get("known", True)))

    def _again(self, connection: Connection, row: Mapping[str, Any], asked: Mapping[str, Any]) -> Recorded:
        if request_of(row).get("asked") != asked:
            raise ProblemError(
                409,
                f"The decision {row['decision_id']!r} is recorded already, and was asked differently.",
                remedy="Repeat exactly what was asked, or use another decision_id or Idempotency-Key.",
                kind="asked-differently",
            )
        return self.recorded(connection, row)

    def _keep(self, connection: Connection, now: datetime) -> None:
        self.kept.keep(connection, self.policy.version, self.policy.to_plain, now)

    def _situation(self, current: Current, left: Left) -> Situation:
        contacts, shop = _contacts(current), current.shop
        timezone = timezone_of(current.profile)
        own = habits(current.history, contacts, current.now, timezone or shop.habits.timezone, shop_timezone=shop.habits.timezone)
        return Situation(
            customer_id=current.customer_id,
            as_of=current.now,
            stage=current.stage,
            features=current.features,
            profile=current.profile,
            consent=current.consent,
            contacts=contacts,
            churn_probability=churn_probability(current, self.champions),
            expected_order_value=current.expected_order_value,
            products=self._products(current),
            timezone=timezone,
            hours=own.hours,
            answers=own.answers,
            shop=shop.habits,
            budgets_left=left,
            visitor=current.visitor,
        )

    def _products(self, current: Current) -> dict[str, list[Product]]:
        """What may be offered, under the shop's rules of merchandising."""
        plan = self.offering.shelf(current.shop, Filters(), None, current.now).plan
        exclusions = exclusions_of(current.profile, self.offering.rules.columns, plan.products)
        model = self.champions.affinity
        affinity = None if model is None else NamedAffinity(model, plan, current.shop.name_of, exclusions)
        describe = offerable(plan, exclusions, current.shop.product)
        return offered(
            current.history, current.now, affinity, describe, profile=current.profile, scopes=narrow_scopes(self.policy.catalogue.actions)
        )


@dataclass(frozen=True)
class _Carried:
    """Contacts of decisions of this round, by subject, as the next decision about them will read them: just before now."""

    by_subject: dict[str, list[Contact]] = field(default_factory=dict)

    def of(self, subject_ids: Sequence[str]) -> list[Contact]:
        return [contact for each in subject_ids for contact in self.by_subject.get(each, ())]

    def add(self, decision: Decision, now: datetime) -> None:
        made = (
            Contact(decision_id=decision.decision_id, action_id=each.action_id, channel=each.channel or "", decided_at=now - _TICK)
            for each in contacts_of(decision.actions)
        )
        self.by_subject.setdefault(decision.customer_id, []).extend(made)


@dataclass(frozen=True)
class _Made:
    """A decision that was made now, and how it is to be recorded."""

    recorded: Recorded
    entry: Entry


def _contended(recorded: int, wanted: Sequence[Wanted]) -> ProblemError:
    return ProblemError(
        503,
        f"Too many decisions about {'this customer' if len(wanted) == 1 else 'these customers'} at once: {recorded} of {len(wanted)} are recorded.",
        remedy="Send the same again, with the same decision_id of each or the same Idempotency-Key: what is recorded is answered as it is.",
        kind="contention",
        headers={"Retry-After": "1"},
    )


def _contacts(current: Current) -> tuple[Contact, ...]:
    """Published and posted contacts. One recorded by a clock a little ahead, another worker's or request's, came before this decision too."""
    published = [published_contact(contact, current.now) for contact in (current.stored.contacts if current.stored else ())]
    newer = {contact["decision_id"] for contact in current.contacts}
    known = [contact for contact in published if contact.decision_id not in newer and contact.decided_at < current.now]
    recorded_here = [
        Contact(
            decision_id=contact["decision_id"],
            action_id=contact["action_id"],
            channel=contact["channel"] or "",
            decided_at=min(contact["decided_at"], current.now - _TICK),
            outcomes=tuple(contact["outcomes"]),
        )
        for contact in current.contacts
    ]
    return (*known, *recorded_here)
