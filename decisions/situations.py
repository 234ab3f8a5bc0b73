"""The situations of many customers at one time, from the home's tables: what the bulk policy, exports and evaluations decide on."""

from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from decisions.actions import ProductScope
from decisions.contact_time import timezone_of
from decisions.merchandising import Rules, exclusions_of, prepare, product_range
from decisions.named_affinity import NamedAffinity
from decisions.offerable import offerable
from decisions.offers import offered
from decisions.own_habits import habits, shop_habits
from decisions.situation import Contact, Product, ShopHabits, Situation
from features import batch
from features.contacts import contact_history, mean_converted_value
from features.contract import CUSTOMER_ID, PRODUCT_ID
from features.definitions import NAMES
from features.engine import Tables
from features.histories import histories
from features.history import CustomerHistory
from features.journey import FALLBACK, Stages, stages_of
from features.profiles import consent_channels, consents, profiles
from training.affinity.model import AffinityModel


@dataclass(frozen=True)
class Knowledge:
    """What is known beside the tables: churn probability by customer_id, and the affinity model, which may both be missing.

    `rules` are the shop's of merchandising, `scopes` those for which the model may be asked (`product_scope.narrow_scopes`). `shop` says what
    all customers do; where it is not given, everybody's rows are read once more for it.
    """

    churn: Mapping[str, float]
    affinity: AffinityModel | None
    stages: Stages
    rules: Rules = field(default_factory=Rules)
    scopes: tuple[ProductScope, ...] = ()
    shop: ShopHabits | None = None


def situations(tables: Tables, as_of: datetime, knowledge: Knowledge, *, only: Collection[str] | None = None) -> Iterator[Situation]:
    """One situation per customer with an order line or event before `as_of` or a row in the customers table, by customer_id.

    `only` keeps these customers. Rows at or after `as_of` are not seen.
    """
    known = _Known(tables, as_of, knowledge)
    assortment = Assortment(tables, as_of, knowledge)
    wanted = None if only is None else set(only)
    for customer_id, history in _everybody(tables, as_of, known.profiles):
        if wanted is None or customer_id in wanted:
            yield known.situation(customer_id, history, assortment.offered(history, known.profiles.get(customer_id, {})))


class Assortment:
    """The range of the products table at one time, under the shop's rules of merchandising: what each customer may be offered."""

    def __init__(self, tables: Tables, as_of: datetime, knowledge: Knowledge) -> None:
        table = tables.products.to_pandas()
        self._as_of, self._knowledge = as_of, knowledge
        self._listed: dict[str, dict[Hashable, Any]] = {row[PRODUCT_ID]: row for row in table.to_dict("records")}
        ranked = () if knowledge.affinity is None else tuple(knowledge.affinity.product_ids.tolist())
        self._plan = prepare(product_range(ranked, table, stock_column=knowledge.rules.columns.stock), knowledge.rules, at=as_of)

    def offered(self, history: CustomerHistory, profile: Mapping[str, Any]) -> dict[str, list[Product]]:
        """This customer's products by source; what may not be shown is left out, what the table does not list goes by its id."""
        exclusions = exclusions_of(profile, self._knowledge.rules.columns, self._plan.products)
        model = self._knowledge.affinity
        affinity = None if model is None else NamedAffinity(model, self._plan, self._name_of, exclusions)
        describe = offerable(self._plan, exclusions, self._product)
        return offered(history, self._as_of, affinity, describe, profile=profile, scopes=self._knowledge.scopes)

    def _name_of(self, product_id: str) -> str:
        return _text(self._listed.get(product_id, {}).get("name")) or product_id

    def _product(self, product_id: str, reason: str) -> Product:
        row = self._listed.get(product_id, {})
        price = row.get("list_price")
        category, brand, image_url = (_text(row.get(name)) for name in ("category", "brand", "image_url"))
        known_price = None if price is None or price != price else float(price)
        return Product(product_id, self._name_of(product_id), f"/products/{product_id}", reason, known_price, category, brand, image_url)


def habits_of_shop(tables: Tables, as_of: datetime) -> ShopHabits:
    """What all customers of the home do together, as of a time: reads everybody's rows."""
    return _shop(tables, as_of, profiles(tables), _contacts(contact_history(tables, as_of)))


def _shop(
    tables: Tables, as_of: datetime, profiles: Mapping[str, Mapping[str, Any]], contacts: Mapping[str, tuple[Contact, ...]]
) -> ShopHabits:
    own = (
        habits(history, contacts.get(who, ()), as_of, timezone_of(profiles.get(who, {})) or tables.timezone, shop_timezone=tables.timezone)
        for who, history in _everybody(tables, as_of, profiles)
    )
    return shop_habits(own).of_shop(tables.timezone)


class _Known:
    """Everything that is read once for all customers."""

    def __init__(self, tables: Tables, as_of: datetime, knowledge: Knowledge) -> None:
        frame = batch.features(tables, [as_of])
        self.as_of = as_of
        self.churn = knowledge.churn
        self.stages = dict(zip(frame[CUSTOMER_ID], stages_of(frame, knowledge.stages), strict=True))
        self.features = dict(zip(frame[CUSTOMER_ID], frame[list(NAMES)].to_dict("records"), strict=True))
        orders = frame.order_count.sum()
        self.order_value = float(frame.value_total.sum() / orders) if orders else mean_converted_value(tables, as_of)
        self.profiles, self.consents = profiles(tables), consents(tables)
        self.unanswered = dict.fromkeys(consent_channels(tables), False)
        self.contacts = _contacts(contact_history(tables, as_of))
        self.shop = _shop(tables, as_of, self.profiles, self.contacts) if knowledge.shop is None else knowledge.shop

    def situation(self, customer_id: str, history: CustomerHistory, products: Mapping[str, list[Product]]) -> Situation:
        values: Mapping[str, Any] = self.features.get(customer_id, {})
        profile, contacts = self.profiles.get(customer_id, {}), self.contacts.get(customer_id, ())
        timezone, shop_timezone = timezone_of(profile), self.shop.timezone
        own_habits = habits(history, contacts, self.as_of, timezone or shop_timezone, shop_timezone=shop_timezone)
        own = values.get("value_per_order_mean")
        return Situation(
            customer_id=customer_id,
            as_of=self.as_of,
            stage=self.stages.get(customer_id, FALLBACK),
            features=values,
            profile=profile,
            consent={**self.unanswered, **self.consents.get(customer_id, {})},
            contacts=contacts,
            churn_probability=self.churn.get(customer_id),
            expected_order_value=self.order_value if own is None or own != own else own,
            products=products,
            timezone=timezone,
            hours=own_habits.hours,
            answers=own_habits.answers,
            shop=self.shop,
        )


def _everybody(tables: Tables, as_of: datetime, profiles: Mapping[str, Any]) -> Iterator[tuple[str, CustomerHistory]]:
    seen = set()
    for customer_id, history in histories(tables, as_of):
        seen.add(customer_id)
        yield customer_id, history
    for customer_id in sorted(profiles.keys() - seen):
        yield customer_id, CustomerHistory.empty()


def _contacts(frame: pd.DataFrame) -> dict[str, tuple[Contact, ...]]:
    found: dict[str, list[Contact]] = {}
    for row in frame.to_dict("records"):
        contact = Contact(row["decision_id"], row["action_id"], _text(row["channel"]), row["decided_at"].to_pydatetime(), row["outcomes"])
        found.setdefault(row[CUSTOMER_ID], []).append(contact)
    return {customer_id: tuple(contacts) for customer_id, contacts in found.items()}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
