"""From somebody as of now to the situation that a decision is made in: what they may be offered, how likely they are to leave, who contacted them."""

import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from decisions.contact_time import timezone_of
from decisions.merchandising import Filters, exclusions_of
from decisions.named_affinity import NamedAffinity
from decisions.offerable import offerable
from decisions.offers import offered
from decisions.own_habits import habits
from decisions.policy import Policy
from decisions.product_scope import narrow_scopes
from decisions.situation import Contact, Product, Situation
from serving.budgets_now import Left
from serving.champions import Champions
from serving.current import Current
from serving.offering import Offering
from serving.published_contacts import published_contact
from serving.risk import churn_probability

Products = Mapping[str, list[Product]]

KEPT_FOR: Final = timedelta(minutes=10)
"""How long what is offered to somebody of whom nothing changed is offered again: days pass, and with them what is due."""
MOST_KEPT: Final = 4_000
"""Customers whose products are kept, some kilobytes each."""
TICK: Final = timedelta(microseconds=1)


@dataclass
class Kept:
    """The products of those asked about last, by what they rest on."""

    _found: OrderedDict[Hashable, tuple[datetime, datetime, Products]] = field(default_factory=OrderedDict, repr=False)
    _one: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def get(self, key: Hashable, now: datetime) -> Products | None:
        """The products, while they hold."""
        with self._one:
            found = self._found.get(key)
            if found is None or not found[0] <= now < found[1]:
                return None
            self._found.move_to_end(key)
            return found[2]

    def put(self, key: Hashable, now: datetime, until: datetime, products: Products) -> None:
        """Keeps them; those that were not asked for longest make room."""
        with self._one:
            self._found[key] = now, until, products
            self._found.move_to_end(key)
            while len(self._found) > MOST_KEPT:
                self._found.popitem(last=False)


@dataclass(frozen=True)
class Situations:
    """Makes situations with one set of models, rules and products."""

    champions: Champions
    policy: Policy
    offering: Offering
    kept: Kept = field(default_factory=Kept)

    def of(self, current: Current, left: Left, version: Hashable = None) -> Situation:
        """The situation of somebody who finds this left of the budgets.

        `version` tells the state of what they did (`serving.state.versions`): products are kept by it; without one they are looked for anew.
        """
        contacts, shop = contacts_of(current), current.shop
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
            products=self._products(current, version),
            timezone=timezone,
            hours=own.hours,
            answers=own.answers,
            shop=shop.habits,
            budgets_left=left,
            visitor=current.visitor,
        )

    def _products(self, current: Current, version: Hashable) -> Products:
        key = None if version is None else (current.customer_id, version)
        if key is not None and (kept := self.kept.get(key, current.now)) is not None:
            return kept
        plan = self.offering.shelf(current.shop, Filters(), None, current.now).plan
        exclusions = exclusions_of(current.profile, self.offering.rules.columns, plan.products)
        model = self.champions.affinity
        affinity = None if model is None else NamedAffinity(model, plan, current.shop.name_of, exclusions)
        describe = offerable(plan, exclusions, current.shop.product)
        scopes = narrow_scopes(self.policy.catalogue.actions)
        found = offered(current.history, current.now, affinity, describe, profile=current.profile, scopes=scopes)
        if key is not None:
            later = current.now + KEPT_FOR
            self.kept.put(key, current.now, later if plan.until is None else min(later, plan.until), found)
        return found


def contacts_of(current: Current) -> tuple[Contact, ...]:
    """Published and posted contacts. One recorded by a clock a little ahead, another worker's or request's, came before this decision too."""
    published = [published_contact(contact, current.now) for contact in (current.stored.contacts if current.stored else ())]
    newer = {contact["decision_id"] for contact in current.contacts}
    known = [contact for contact in published if contact.decision_id not in newer and contact.decided_at < current.now]
    recorded_here = [
        Contact(
            decision_id=contact["decision_id"],
            action_id=contact["action_id"],
            channel=contact["channel"] or "",
            decided_at=min(contact["decided_at"], current.now - TICK),
            outcomes=tuple(contact["outcomes"]),
        )
        for contact in current.contacts
    ]
    return (*known, *recorded_here)
