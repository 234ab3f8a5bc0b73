"""One customer or visitor as of now: what was published, extended by every row posted since."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from features.contract import CONTACT
from features.errors import InputError
from features.history import CustomerHistory
from features.journey import Stages, stage_of
from features.online import features
from serving.shop import Shop, Shops
from serving.state.customers import StoredCustomer
from serving.state.somebody import Rows, Whom, read
from training.segments.rfm import SegmentRules, load_segments, segment_of


@dataclass(frozen=True)
class Current:
    """Somebody as of `now`. `stored` is None for visitors and for customers of whom only rows were posted. `visitor`: not yet identified.

    `subject_ids` are the ids under which contacts with them are recorded: their own, and those of the visitors whom they turned out to be.
    `contacts` are those recorded here (`serving.state.somebody.Rows`), up to what a clock a little ahead says. `outdated` says that
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
        """The same for several customers, in their order."""
        found = read(connection, [Whom(customer_id, None, now) for customer_id in customer_ids])
        return [self.current(rows, self.shops.current(connection, at_least=rows.generation)) for rows in found]

    def visitor(self, connection: Connection, visitor_id: str, now: datetime) -> Current:
        """The visitor; from the moment they are identified, the customer they are."""
        (rows,) = read(connection, [Whom(None, visitor_id, now)])
        return self.current(rows, self.shops.current(connection, at_least=rows.generation))

    def seen(self, rows: Rows, shop: Shop) -> Seen:
        """What they did, of whom this is stored."""
        now, stored = rows.asked.before, rows.stored
        history = (_published(stored) or CustomerHistory.empty()).extended(rows.lines, rows.events)
        return Seen(now, _is_known(rows), history.before(now), stored.profile if stored else {}, shop)

    def current(self, rows: Rows, shop: Shop) -> Current:
        """Them as of the time before which this is stored."""
        now, published = rows.asked.before, _published(rows.stored)
        who = rows.asked.subject_id if rows.customer_id is None else rows.customer_id
        contacts = list(_contact_rows(who, rows.contacts))
        seen = (published or CustomerHistory.empty()).extended(rows.lines, rows.events, contacts).before(now)
        values = features(seen, now, shop.facts)
        stage, segment = stage_of(values, shop.levels, self.stages), None
        if published is None:
            stage = _published_stage(rows.stored, shop, now) or stage
        elif shop.rfm is not None and not shop.foresees(now):
            segment = segment_of(values, shop.rfm, self.segments)
        return Current(
            customer_id=who,
            now=now,
            known=_is_known(rows),
            stored=rows.stored,
            history=seen,
            features=values,
            stage=stage,
            segment=segment,
            shop=shop,
            subject_ids=rows.subject_ids,
            contacts=rows.contacts,
            outdated=published is None,
            visitor=rows.customer_id is None,
        )


def _is_known(rows: Rows) -> bool:
    return rows.stored is not None or bool(rows.lines) or bool(rows.events)


def _published(stored: StoredCustomer | None) -> CustomerHistory | None:
    """The published history, empty where there is none; None for one that another version wrote."""
    if stored is None or stored.history is None:
        return CustomerHistory.empty()
    try:
        return CustomerHistory.from_bytes(stored.history)
    except InputError:
        return None


def _published_stage(stored: StoredCustomer | None, shop: Shop, now: datetime) -> str | None:
    """The stage that was published; None where there is none, or it has seen what comes after now."""
    return None if stored is None or shop.foresees(now) else stored.stage


def _contact_rows(who: str, contacts: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The contacts under this id as rows of a history: one for each decision, and one for each outcome that is not earlier than it."""
    for decision_id, contact in {contact["decision_id"]: contact for contact in contacts if contact["subject_id"] == who}.items():
        yield {"decision_id": decision_id, "type": CONTACT, "at": contact["decided_at"]}
        for outcome_type, at in zip(contact["outcomes"], contact["outcomes_at"], strict=True):
            if at >= contact["decided_at"]:
                yield {"decision_id": decision_id, "type": outcome_type, "at": at}
