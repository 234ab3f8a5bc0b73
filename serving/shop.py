"""What all customers of a shop share, as published: products, levels, and where a churn probability stands among all."""

import math
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from decisions.own_habits import Habits
from decisions.situation import NO_HABITS, Product, ShopHabits
from features.history import FORMAT
from features.own_rows import ShopFacts
from serving.state import publications
from training.segments.rfm import RfmEdges

LOOK_AGAIN_SECONDS: Final = 1.0
EVERYBODY: Final = ""
_ROUNDING: Final = 1e-9  # a score of one customer and that of all together differ in the last digits


@dataclass(frozen=True)
class ListedProduct:
    """One product of the published range."""

    product_id: str
    name: str
    category: str
    available: bool
    available_from: datetime | None
    price: float | None
    image_url: str
    brand: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def on_sale(self, now: datetime) -> bool:
        """Whether it can be bought at this time."""
        return self.available and (self.available_from is None or self.available_from <= now)


@dataclass(frozen=True)
class Shop:
    """One publication in memory. Before the first one: generation 0, and nothing known.

    Histories reach to `as_of`; everything that is said of all customers together, from `levels` to `popular`, is of `facts_as_of`.
    `popular` counts the buyers of the most bought products, most first. `facts` are what the shop's features were computed with. `rfm` is what
    separates the fifths of its customers, None where an older version published. `habits` says which channels its customers answer and when they
    are there; empty where an older version published. `consent_channels` are those for which the shop asks for consent.
    `outdated` says that another version wrote the histories: they cannot be read.
    """

    generation: int = 0
    as_of: datetime | None = None
    facts_as_of: datetime | None = None
    levels: Mapping[str, float] = field(default_factory=dict)
    mean_order_value: float = 0.0
    churn_quantiles: Mapping[str, Sequence[float]] = field(default_factory=dict)
    customer_count: int = 0
    products: Mapping[str, ListedProduct] = field(default_factory=dict)
    popular: Mapping[str, int] = field(default_factory=dict)
    facts: ShopFacts = field(default_factory=ShopFacts)
    rfm: RfmEdges | None = None
    habits: ShopHabits = NO_HABITS
    consent_channels: tuple[str, ...] = ()
    outdated: bool = False

    def foresees(self, now: datetime) -> bool:
        """Whether what is said of all customers together is of a later time than this."""
        return self.facts_as_of is not None and self.facts_as_of > now

    def name_of(self, product_id: str) -> str:
        """What a shopper calls the product; its id where the range does not list it."""
        listed = self.products.get(product_id)
        return listed.name if listed else product_id

    def product(self, product_id: str, reason: str) -> Product:
        """The product as an action speaks of it; one that the range does not list goes by its id."""
        listed = self.products.get(product_id)
        if listed is None:
            return Product(product_id, product_id, f"/products/{product_id}", reason)
        return Product(
            product_id,
            listed.name,
            f"/products/{product_id}",
            reason,
            listed.price,
            listed.category,
            listed.brand,
            listed.image_url,
        )

    def percentile(self, churn_probability: float, *, stage: str = EVERYBODY) -> float | None:
        """The share of published customers who are less likely to leave, equals counted half, from 0 to 1; None where nobody was published."""
        steps = self.churn_quantiles.get(stage)
        if not steps:
            return None
        below, up_to = bisect_left(steps, churn_probability - _ROUNDING), bisect_right(steps, churn_probability + _ROUNDING)
        return (below + up_to) / (2 * len(steps))


def foreseen(facts_as_of: datetime | None, now: datetime) -> str | None:
    """A warning that facts of this time have seen the future of answers as of `now`; None where they have not."""
    if facts_as_of is None or facts_as_of <= now:
        return None
    return (
        f"The shop's levels, mean order value, percentiles and popular products are of {facts_as_of:%Y-%m-%d}, after the clock "
        f"({now:%Y-%m-%d}). Publish them for it: nextbest publish --as-of {now:%Y-%m-%d}"
    )


def is_outdated(publication: publications.Publication) -> bool:
    """Whether its histories have another version's form."""
    return publication.facts.get("history_format") != FORMAT


OUTDATED: Final = (
    "Another version of nextbest wrote the published histories: answers come from published scores and stages, and from what was posted "
    "since. Publish them again: nextbest publish"
)


class Shops:
    """The newest publication, read again when there is a newer one. Before the first one, `timezone` is the shop's, and `levels` are."""

    def __init__(self, levels: Mapping[str, float], timezone: str = "UTC") -> None:
        self._nothing = Shop(levels=levels, facts=ShopFacts(timezone=timezone), habits=ShopHabits(timezone=timezone))
        self._shop = self._nothing
        self._looked_at = float("-inf")
        self._expected = 0
        self._one = threading.Lock()

    def expect(self, generation: int) -> None:
        """Says that there is a publication of this generation: answers from now on are of it, or a newer one."""
        self._expected = max(self._expected, generation)

    def at_hand(self, generation: int) -> Shop | None:
        """The publication in memory; None where it is older than this generation, which the database tells of."""
        return self._shop if generation <= self._shop.generation else None

    def current(self, connection: Connection, *, at_least: int = 0) -> Shop:
        """The newest publication; `at_least` names a generation that the caller has seen already."""
        if max(at_least, self._expected) > self._shop.generation or time.monotonic() - self._looked_at > LOOK_AGAIN_SECONDS:
            with self._one:
                self._look(connection)
        return self._shop

    def _look(self, connection: Connection) -> None:
        newest = publications.current(connection)
        self._looked_at = time.monotonic()
        if newest is not None and newest.generation != self._shop.generation:
            self._shop = _read(connection, newest, self._nothing)


def _read(connection: Connection, newest: publications.Publication, nothing: Shop) -> Shop:
    facts, rows = newest.facts, publications.products(connection, newest.generation)
    timezone = facts.get("timezone", nothing.facts.timezone)
    return Shop(
        generation=newest.generation,
        as_of=newest.as_of,
        facts_as_of=newest.facts_as_of,
        levels={**nothing.levels, **facts.get("levels", {})},
        consent_channels=tuple(facts.get("consent_channels", ())),
        mean_order_value=facts.get("mean_order_value", 0.0),
        churn_quantiles=facts.get("churn_quantiles", {}),
        popular={product_id: int(count) for product_id, count in facts.get("popular", [])},
        customer_count=facts.get("customer_count", 0),
        products={row.product_id: _listed(row) for row in rows},
        facts=ShopFacts(_known_products(rows), timezone),
        rfm=RfmEdges.from_json(facts["rfm"]) if facts.get("rfm") else None,
        habits=Habits.from_plain(facts.get("habits")).of_shop(timezone),
        outdated=is_outdated(newest),
    )


def _known_products(rows: Sequence[Any]) -> dict[str, tuple[str | None, float]]:
    """Category and price level of the products that have either."""
    return {
        row.product_id: (row.widest_category, math.nan if row.price_level is None else row.price_level)
        for row in rows
        if row.widest_category is not None or row.price_level is not None
    }


def _listed(row: Any) -> ListedProduct:
    return ListedProduct(
        row.product_id,
        row.name or row.product_id,
        row.category or "",
        row.available,
        row.available_from,
        row.list_price,
        row.image_url or "",
        str(row.attributes.get("brand") or ""),
        row.attributes,
    )
