"""The situations of many customers at one time, from the home's tables: what the bulk policy, exports and evaluations decide on."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from decisions.offers import Affinity, Describe, offered
from decisions.situation import Contact, Product, Situation
from features import batch
from features.contacts import contact_history, mean_converted_value
from features.contract import CUSTOMER_ID
from features.definitions import NAMES
from features.engine import Tables
from features.histories import histories
from features.history import CustomerHistory
from features.journey import FALLBACK, Stages, stages_of
from features.products import unavailable
from features.profiles import consents, profiles


@dataclass(frozen=True)
class Knowledge:
    """What models say beside the tables: churn probability by customer_id, and the affinity model; both may be missing."""

    churn: Mapping[str, float]
    affinity: Affinity | None
    stages: Stages


def situations(tables: Tables, as_of: datetime, knowledge: Knowledge, *, only: Collection[str] | None = None) -> Iterator[Situation]:
    """One situation per customer with an order line or event before `as_of` or a row in the customers table, by customer_id.

    `only` keeps these customers. Rows at or after `as_of` are not seen.
    """
    known = _Known(tables, as_of, knowledge.stages)
    describe = describer(tables, as_of)
    wanted = None if only is None else set(only)
    for customer_id, history in _everybody(tables, as_of, known):
        if wanted is None or customer_id in wanted:
            products = offered(history, as_of, knowledge.affinity, describe, profile=known.profiles.get(customer_id))
            yield known.situation(customer_id, knowledge.churn.get(customer_id), products)


def describer(tables: Tables, as_of: datetime) -> Describe:
    """Looks products up in the products table; what is not available is None, what the table does not list goes by its id."""
    listed = {row["product_id"]: row for row in tables.products.to_pandas().to_dict("records")}
    gone = unavailable(tables, as_of)

    def describe(product_id: str, reason: str) -> Product | None:
        if product_id in gone:
            return None
        row = listed.get(product_id, {})
        price = row.get("list_price")
        return Product(
            product_id, _text(row.get("name")) or product_id, f"/products/{product_id}", reason, price if price == price else None
        )

    return describe


class _Known:
    """Everything that is read once for all customers."""

    def __init__(self, tables: Tables, as_of: datetime, stages: Stages) -> None:
        frame = batch.features(tables, [as_of])
        self.as_of = as_of
        self.stages = dict(zip(frame[CUSTOMER_ID], stages_of(frame, stages), strict=True))
        self.features = dict(zip(frame[CUSTOMER_ID], frame[list(NAMES)].to_dict("records"), strict=True))
        orders = frame.order_count.sum()
        self.order_value = float(frame.value_total.sum() / orders) if orders else mean_converted_value(tables, as_of)
        self.profiles, self.consents = profiles(tables), consents(tables)
        self.contacts = _contacts(contact_history(tables, as_of))

    def situation(self, customer_id: str, churn_probability: float | None, products: Mapping[str, list[Product]]) -> Situation:
        values: Mapping[str, Any] = self.features.get(customer_id, {})
        own = values.get("value_per_order_mean")
        return Situation(
            customer_id=customer_id,
            as_of=self.as_of,
            stage=self.stages.get(customer_id, FALLBACK),
            features=values,
            profile=self.profiles.get(customer_id, {}),
            consent=self.consents.get(customer_id, {}),
            contacts=self.contacts.get(customer_id, ()),
            churn_probability=churn_probability,
            expected_order_value=self.order_value if own is None or own != own else own,
            products=products,
        )


def _everybody(tables: Tables, as_of: datetime, known: _Known) -> Iterator[tuple[str, CustomerHistory]]:
    seen = set()
    for customer_id, history in histories(tables, as_of):
        seen.add(customer_id)
        yield customer_id, history
    for customer_id in sorted(known.profiles.keys() - seen):
        yield customer_id, CustomerHistory.empty()


def _contacts(frame: pd.DataFrame) -> dict[str, tuple[Contact, ...]]:
    found: dict[str, list[Contact]] = {}
    for row in frame.to_dict("records"):
        contact = Contact(row["decision_id"], row["action_id"], _text(row["channel"]), row["decided_at"].to_pydatetime(), row["outcomes"])
        found.setdefault(row[CUSTOMER_ID], []).append(contact)
    return {customer_id: tuple(contacts) for customer_id, contacts in found.items()}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
