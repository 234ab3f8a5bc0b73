"""From one customer as of now to a decision: gathers the situation, asks `decisions.decide`, and records before anything is answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from decisions.contact_time import timezone_of
from decisions.decide import decide
from decisions.decision import Decision
from decisions.merchandising import Filters, exclusions_of
from decisions.named_affinity import NamedAffinity
from decisions.offerable import offerable
from decisions.offers import offered
from decisions.own_habits import habits
from decisions.policy import Policy
from decisions.product_scope import narrow_scopes
from decisions.records import from_record, to_record
from decisions.situation import Ask, Contact, Product, Situation
from features.contract import NO_ACTION
from serving.champions import Champions
from serving.current import Current, Reader
from serving.errors import ProblemError
from serving.offering import Offering
from serving.published_contacts import published_contact
from serving.risk import churn_probability
from serving.state import decisions
from serving.state.database import State

MOST_ATTEMPTS: Final = 5
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Subject:
    """About whom is decided: a customer, or a visitor who is not identified yet."""

    customer_id: str | None = None
    visitor_id: str | None = None


@dataclass(frozen=True)
class Recorded:
    """A decision as it is in the database. `known` says whether anything was known about the subject."""

    decision: Decision
    known: bool


@dataclass(frozen=True)
class Decider:
    """Everything that decides, for one server."""

    reader: Reader
    champions: Champions
    policy: Policy
    offering: Offering

    def read(self, connection: Connection, subject: Subject, now: datetime) -> tuple[Current, Situation]:
        """The subject as of now, and the situation to decide on."""
        if subject.customer_id is not None:
            current = self.reader.customer(connection, subject.customer_id, now)
        else:
            current = self.reader.visitor(connection, subject.visitor_id or "", now)
        return current, self._situation(current)

    def record(self, state: State, subject: Subject, ask: Ask, now: datetime, *, asked: Mapping[str, Any]) -> Recorded:
        """Decides and records; a decision id that is recorded already gives that record again, if the same was asked.

        Contact limits hold because two decisions about one customer at once are made one after the other: a decision is recorded only
        if no contact was added since its history was read, and is made anew from the newer history otherwise. So the limits that were
        checked when it was made still hold, and the decision's `reservations` need not be counted again here.
        """
        for _ in range(MOST_ATTEMPTS):
            with state.reading() as connection:
                if (row := decisions.find(connection, ask.decision_id)) is not None:
                    return _again(row, asked)
                current, situation = self.read(connection, subject, now)
                seen = decisions.contact_count(connection, current.subject_ids)
            recorded = Recorded(decide(situation, ask, self.policy), current.known)
            with state.writing() as connection:
                decisions.take_turn(connection, current.subject_ids)
                unchanged = decisions.contact_count(connection, current.subject_ids) == seen
                if unchanged and decisions.add(connection, _row(recorded, subject, current, asked), _contact_rows(recorded.decision)):
                    return recorded
        raise ProblemError(
            503, "Too many decisions about this customer at once.", remedy="Try again.", kind="contention", headers={"Retry-After": "1"}
        )

    def _situation(self, current: Current) -> Situation:
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


def recorded(row: Mapping[str, Any]) -> Recorded:
    """The decision that a stored row holds."""
    return Recorded(from_record(row["record"]), row["request"]["known"])


def _again(row: Mapping[str, Any], asked: Mapping[str, Any]) -> Recorded:
    if row["request"]["asked"] != asked:
        raise ProblemError(
            409,
            f"The decision {row['decision_id']!r} is recorded already, and was asked differently.",
            remedy="Repeat exactly what was asked, or use another decision_id or Idempotency-Key.",
            kind="asked-differently",
        )
    return recorded(row)


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


def _row(made: Recorded, subject: Subject, current: Current, asked: Mapping[str, Any]) -> dict[str, Any]:
    decision, first = made.decision, made.decision.actions[0]
    visitor = subject.customer_id is None and current.customer_id == subject.visitor_id
    return {
        "decision_id": decision.decision_id,
        "customer_id": None if visitor else current.customer_id,
        "visitor_id": subject.visitor_id,
        "decided_at": decision.decided_at,
        "stage": decision.stage,
        "channel": first.channel or None,
        "action_id": first.action_id,
        "action_probability": first.action_probability,
        "policy_version": decision.policy_version,
        "holdout": decision.holdout,
        "request": {"asked": dict(asked), "known": made.known},
        "record": to_record(decision),
    }


def _contact_rows(decision: Decision) -> list[dict[str, Any]]:
    shared = {"decision_id": decision.decision_id, "subject_id": decision.customer_id, "decided_at": decision.decided_at}
    return [
        {**shared, "rank": each.rank, "action_id": each.action_id, "channel": each.channel}
        for each in decision.actions
        if each.action_id != NO_ACTION
    ]
