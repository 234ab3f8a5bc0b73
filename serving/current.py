"""One customer or visitor as of now: what was published, extended by every row posted since."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from features.contract import CONTACT
from features.errors import InputError
from features.history import CustomerHistory
from features.journey import Stages, stage_of
from features.online import features
from serving.clock import SKEW
from serving.shop import Shop, Shops
from serving.state import customers, decisions, events


@dataclass(frozen=True)
class Current:
    """Somebody as of `now`. `stored` is None for visitors and for customers of whom only rows were posted.

    `subject_ids` are the ids under which contacts with them are recorded: their own, and those of the visitors whom they turned out to be.
    `contacts` are those recorded here (`serving.state.decisions.contacts_of`), up to what a clock a little ahead says. `outdated` says that
    their published history was written by another version and cannot be read: `history` holds posted rows alone, `stage` is the published one.
    """

    customer_id: str
    now: datetime
    known: bool
    stored: customers.StoredCustomer | None
    history: CustomerHistory
    features: Mapping[str, float]
    stage: str
    shop: Shop
    subject_ids: tuple[str, ...]
    contacts: Sequence[Mapping[str, Any]] = ()
    outdated: bool = False

    @property
    def profile(self) -> Mapping[str, Any]:
        """Their profile; empty where none is known."""
        return self.stored.profile if self.stored else {}

    @property
    def consent(self) -> Mapping[str, bool]:
        """Their consent per channel; empty where none is known."""
        return self.stored.consent if self.stored else {}

    @property
    def expected_order_value(self) -> float:
        """What their next order is worth: their own mean, or the shop's."""
        own = self.features["value_per_order_mean"]
        return own if math.isfinite(own) else self.shop.mean_order_value


@dataclass(frozen=True)
class Reader:
    """Reads customers with one shop's stages."""

    shops: Shops
    stages: Stages

    def customer(self, connection: Connection, customer_id: str, now: datetime) -> Current:
        """The customer, known or not: somebody never seen has an empty history."""
        stored = customers.read(connection, customer_id)
        shop = self.shops.current(connection, at_least=stored.generation if stored else 0)
        lines = events.order_lines_of_customer(connection, customer_id, now)
        visitors = events.visitors_of_customer(connection, customer_id, now)
        touches = events.events_of_customer(connection, customer_id, now, visitors)
        subject_ids = (customer_id, *sorted(visitors))
        contacts = decisions.contacts_of(connection, subject_ids, now + SKEW, outcomes_before=now)
        published = _published(stored)
        history = (published or CustomerHistory.empty()).extended(lines, touches, list(_contact_rows(customer_id, contacts)))
        known = stored is not None or bool(lines) or bool(touches)
        current = self._current(customer_id, history, now, shop=shop, known=known)
        current = replace(current, stored=stored, subject_ids=subject_ids, contacts=contacts, outdated=published is None)
        return replace(current, stage=_published_stage(current) or current.stage) if current.outdated else current

    def visitor(self, connection: Connection, visitor_id: str, now: datetime) -> Current:
        """The visitor; from the moment they are identified, the customer they are."""
        customer_id = events.customer_of_visitor(connection, visitor_id, now)
        if customer_id is not None:
            return self.customer(connection, customer_id, now)
        touches = events.events_of_visitor(connection, visitor_id, now)
        contacts = decisions.contacts_of(connection, [visitor_id], now + SKEW, outcomes_before=now)
        history = CustomerHistory.of([], touches, list(_contact_rows(visitor_id, contacts)))
        current = self._current(visitor_id, history, now, shop=self.shops.current(connection), known=bool(touches))
        return replace(current, contacts=contacts)

    def _current(self, who: str, history: CustomerHistory, now: datetime, *, shop: Shop, known: bool) -> Current:
        seen = history.before(now)
        values = features(seen, now, shop.facts)
        return Current(who, now, known, None, seen, values, stage_of(values, shop.levels, self.stages), shop, (who,))


def _published(stored: customers.StoredCustomer | None) -> CustomerHistory | None:
    """The published history, empty where there is none; None for one that another version wrote."""
    if stored is None or stored.history is None:
        return CustomerHistory.empty()
    try:
        return CustomerHistory.from_bytes(stored.history)
    except InputError:
        return None


def _published_stage(current: Current) -> str | None:
    """The stage that was published; None where there is none, or it has seen what comes after now."""
    of_later = current.shop.facts_as_of is not None and current.shop.facts_as_of > current.now
    return None if current.stored is None or of_later else current.stored.stage


def _contact_rows(who: str, contacts: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The contacts under this id as rows of a history: one for each decision, and one for each outcome that is not earlier than it."""
    for decision_id, contact in {contact["decision_id"]: contact for contact in contacts if contact["subject_id"] == who}.items():
        yield {"decision_id": decision_id, "type": CONTACT, "at": contact["decided_at"]}
        for outcome_type, at in zip(contact["outcomes"], contact["outcomes_at"], strict=True):
            if at >= contact["decided_at"]:
                yield {"decision_id": decision_id, "type": outcome_type, "at": at}
