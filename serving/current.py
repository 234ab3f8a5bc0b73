"""One customer or visitor as of now: what was published, extended by every row posted since."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from serving.state import decisions, events
from serving.state.customers import Posted, StoredCustomer, read_many
from serving.state.visitors import customer_of_visitor, visitors_of_customer
from training.segments.rfm import SegmentRules, load_segments, segment_of


@dataclass(frozen=True)
class Current:
    """Somebody as of `now`. `stored` is None for visitors and for customers of whom only rows were posted. `visitor`: not yet identified.

    `subject_ids` are the ids under which contacts with them are recorded: their own, and those of the visitors whom they turned out to be.
    `contacts` are those recorded here (`serving.state.decisions.contacts_of`), up to what a clock a little ahead says. `outdated` says that
    their published history was written by another version and cannot be read: `history` holds posted rows alone, `stage` is the published one.
    `segment` is None where that is so, or where no publication tells how the shop's customers compare.
    """

    customer_id: str
    now: datetime
    known: bool
    stored: StoredCustomer | None
    history: CustomerHistory
    features: Mapping[str, float]
    stage: str
    segment: str | None
    shop: Shop
    subject_ids: tuple[str, ...]
    contacts: Sequence[Mapping[str, Any]] = ()
    outdated: bool = False
    visitor: bool = False

    @property
    def profile(self) -> Mapping[str, Any]:
        """Their profile; empty where none is known."""
        return self.stored.profile if self.stored else {}

    @property
    def consent(self) -> Mapping[str, bool]:
        """Their consent per channel. On a channel for which the shop asks for consent, no answer is a no."""
        return {**dict.fromkeys(self.shop.consent_channels, False), **(self.stored.consent if self.stored else {})}

    @property
    def expected_order_value(self) -> float:
        """What their next order is worth: their own mean, or the shop's."""
        own = self.features["value_per_order_mean"]
        return own if math.isfinite(own) else self.shop.mean_order_value


@dataclass(frozen=True)
class Seen:
    """What somebody did before `now`, and who they are: all that a list of products rests on, without what the other answers take to compute."""

    now: datetime
    known: bool
    history: CustomerHistory
    profile: Mapping[str, Any]
    shop: Shop


@dataclass(frozen=True)
class Reader:
    """Reads customers with one shop's stages and segments."""

    shops: Shops
    stages: Stages
    segments: SegmentRules = field(default_factory=load_segments)

    def customer(self, connection: Connection, customer_id: str, now: datetime) -> Current:
        """The customer, known or not: somebody never seen has an empty history."""
        return self.customers(connection, [customer_id], now)[0]

    def customers(self, connection: Connection, customer_ids: Sequence[str], now: datetime) -> list[Current]:
        """The same for several customers, in their order: what is stored about them is read at once."""
        stored = read_many(connection, customer_ids)
        return [self._customer(connection, customer_id, stored.get(customer_id), now) for customer_id in customer_ids]

    def seen_customer(self, connection: Connection, customer_id: str, now: datetime) -> Seen:
        """What the customer, known or not, did before now."""
        stored = read_many(connection, [customer_id]).get(customer_id)
        shop = self.shops.current(connection, at_least=stored.generation if stored else 0)
        lines, touches, _ = _posted_rows(connection, customer_id, stored, now)
        history = (_published(stored) or CustomerHistory.empty()).extended(lines, touches)
        known = stored is not None or bool(lines) or bool(touches)
        return Seen(now, known, history.before(now), stored.profile if stored else {}, shop)

    def seen_visitor(self, connection: Connection, visitor_id: str, now: datetime) -> Seen:
        """What the visitor did; from the moment they are identified, the customer they are."""
        customer_id = customer_of_visitor(connection, visitor_id, now)
        if customer_id is not None:
            return self.seen_customer(connection, customer_id, now)
        touches = events.events_of_visitor(connection, visitor_id, now)
        return Seen(now, bool(touches), CustomerHistory.of([], touches).before(now), {}, self.shops.current(connection))

    def _customer(self, connection: Connection, customer_id: str, stored: StoredCustomer | None, now: datetime) -> Current:
        shop = self.shops.current(connection, at_least=stored.generation if stored else 0)
        posted = stored.posted if stored else Posted()
        lines, touches, visitors = _posted_rows(connection, customer_id, stored, now)
        subject_ids = (customer_id, *sorted(visitors))
        may_be = posted.contacts or visitors
        contacts = decisions.contacts_of(connection, subject_ids, now + SKEW, outcomes_before=now) if may_be else []
        published = _published(stored)
        history = (published or CustomerHistory.empty()).extended(lines, touches, list(_contact_rows(customer_id, contacts)))
        known = stored is not None or bool(lines) or bool(touches)
        current = self._current(customer_id, history, now, shop=shop, known=known)
        current = replace(current, stored=stored, subject_ids=subject_ids, contacts=contacts, outdated=published is None)
        return replace(current, stage=_published_stage(current) or current.stage, segment=None) if current.outdated else current

    def visitor(self, connection: Connection, visitor_id: str, now: datetime) -> Current:
        """The visitor; from the moment they are identified, the customer they are."""
        customer_id = customer_of_visitor(connection, visitor_id, now)
        if customer_id is not None:
            return self.customer(connection, customer_id, now)
        touches = events.events_of_visitor(connection, visitor_id, now)
        contacts = decisions.contacts_of(connection, [visitor_id], now + SKEW, outcomes_before=now)
        history = CustomerHistory.of([], touches, list(_contact_rows(visitor_id, contacts)))
        current = self._current(visitor_id, history, now, shop=self.shops.current(connection), known=bool(touches))
        return replace(current, contacts=contacts, visitor=True)

    def _current(self, who: str, history: CustomerHistory, now: datetime, *, shop: Shop, known: bool) -> Current:
        seen = history.before(now)
        values = features(seen, now, shop.facts)
        stage = stage_of(values, shop.levels, self.stages)
        segment = None if shop.rfm is None or shop.foresees(now) else segment_of(values, shop.rfm, self.segments)
        return Current(who, now, known, None, seen, values, stage, segment, shop, (who,))


Rows = list[dict[str, Any]]


def _posted_rows(
    connection: Connection, customer_id: str, stored: StoredCustomer | None, now: datetime
) -> tuple[Rows, Rows, dict[str, datetime]]:
    """The order lines and events that were posted of them, and the visitors they turned out to be."""
    posted = stored.posted if stored else Posted()
    lines = events.order_lines_of_customer(connection, customer_id, now) if posted.lines else []
    visitors = visitors_of_customer(connection, customer_id, now) if posted.events or posted.visitors else {}
    touches = events.events_of_customer(connection, customer_id, now, visitors) if posted.events or visitors else []
    return lines, touches, visitors


def _published(stored: StoredCustomer | None) -> CustomerHistory | None:
    """The published history, empty where there is none; None for one that another version wrote."""
    if stored is None or stored.history is None:
        return CustomerHistory.empty()
    try:
        return CustomerHistory.from_bytes(stored.history)
    except InputError:
        return None


def _published_stage(current: Current) -> str | None:
    """The stage that was published; None where there is none, or it has seen what comes after now."""
    return None if current.stored is None or current.shop.foresees(current.now) else current.stored.stage


def _contact_rows(who: str, contacts: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The contacts under this id as rows of a history: one for each decision, and one for each outcome that is not earlier than it."""
    for decision_id, contact in {contact["decision_id"]: contact for contact in contacts if contact["subject_id"] == who}.items():
        yield {"decision_id": decision_id, "type": CONTACT, "at": contact["decided_at"]}
        for outcome_type, at in zip(contact["outcomes"], contact["outcomes_at"], strict=True):
            if at >= contact["decided_at"]:
                yield {"decision_id": decision_id, "type": outcome_type, "at": at}
