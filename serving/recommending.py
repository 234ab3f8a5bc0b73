"""Which products to show somebody: from the affinity model, or from what they and others bought where there is none."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from decisions.offers import purchases
from features.history import CustomerHistory
from serving.champions import Champions
from serving.current import Current
from serving.shop import ListedProduct, Shop
from training.affinity.because import Recommendation
from training.affinity.model import AffinityModel

_INTEREST: Final = ("product_view", "add_to_cart")


@dataclass(frozen=True)
class Suggestion:
    """One product for somebody: its score (higher is better, of no unit), where it came from, and why.

    `because` says it in words; `because_of` is the product of their own that led to it, None where none did.
    """

    product_id: str
    score: float
    source: str
    because: str
    because_of: str | None = None


@dataclass(frozen=True)
class Filters:
    """What may be shown. `allowed` None is everything."""

    allowed: set[str] | None = None
    exclude_purchased: bool = False


@dataclass(frozen=True)
class NamedAffinity:
    """The affinity model as decisions ask it: its reasons call products by their names."""

    model: AffinityModel
    shop: Shop

    def recommend_one(
        self,
        products: Sequence[tuple[str, int, float]],
        as_of: datetime,
        n: int,
        *,
        exclude_purchased: bool = False,
        allowed: set[str] | None = None,
    ) -> list[Suggestion]:
        """What the model recommends."""
        found = self.model.recommend_one(products, as_of, n, exclude_purchased=exclude_purchased, allowed=allowed)
        return [Suggestion(each.product_id, each.score, each.source, in_words(each, self.shop), each.because_of) for each in found]


def in_words(suggestion: Suggestion | Recommendation, shop: Shop) -> str:
    """The reason, with the product that it is about called by its name."""
    own = suggestion.because_of
    return suggestion.because if own is None else suggestion.because.replace(own, shop.name_of(own))


def signals(history: CustomerHistory) -> list[tuple[str, int, float]]:
    """What tells their taste: what they bought, or else what they looked at or put into the cart, in the form of `purchases`."""
    bought = purchases(history)
    if bought:
        return bought
    events = history.events
    interest = [code for code, name in enumerate(history.event_types) if name in _INTEREST]
    seen = np.flatnonzero(np.isin(events["type"], interest) & (events["product"] >= 0))
    return [
        (history.product_ids[code], at, 1.0) for code, at in zip(events["product"][seen].tolist(), events["at"][seen].tolist(), strict=True)
    ]


def suggest(current: Current, n: int, champions: Champions, filters: Filters) -> list[Suggestion]:
    """The `n` best products for them, best first; fewer where fewer may be shown."""
    known = signals(current.history)
    if champions.affinity is None:
        return without_model(purchases(current.history), n, current.shop, filters)
    model = NamedAffinity(champions.affinity, current.shop)
    return model.recommend_one(known, current.now, n, exclude_purchased=filters.exclude_purchased, allowed=filters.allowed)


def without_model(bought: Iterable[tuple[str, int, float]], n: int, shop: Shop, filters: Filters) -> list[Suggestion]:
    """What they bought most often, then what most customers bought."""
    own = Counter(product_id for product_id, _, _ in bought)
    repeated = (
        []
        if filters.exclude_purchased
        else [Suggestion(name, float(count), "own_purchases", f"bought {count} times", name) for name, count in own.most_common()]
    )
    popular = [Suggestion(name, float(count), "popular", "bought by many") for name, count in shop.popular.items() if name not in own]
    kept = popular if filters.exclude_purchased else repeated + popular
    return [each for each in kept if filters.allowed is None or each.product_id in filters.allowed][:n]


@dataclass(frozen=True)
class Similar:
    """(product_id, score) of products like another, the most alike first; `fallback` says that no model was asked."""

    products: list[tuple[str, float]]
    fallback: bool


def similar(product_id: str, n: int, champions: Champions, shop: Shop, now: datetime) -> Similar:
    """The `n` products most like this one that are on sale; what is bought most in its category where the model does not know it."""
    allowed = shop.allowed(now, category=None, in_stock=True)
    if champions.affinity is not None:
        found = champions.affinity.similar(product_id, n, allowed=allowed)
        if found:
            return Similar([(each.product_id, each.score) for each in found], fallback=False)
    own = shop.products.get(product_id)
    beside = [
        name for name in shop.popular if name != product_id and (allowed is None or name in allowed) and _same_category(shop, name, own)
    ]
    return Similar([(name, float(shop.popular[name])) for name in beside[:n]], fallback=True)


def _same_category(shop: Shop, product_id: str, own: ListedProduct | None) -> bool:
    listed = shop.products.get(product_id)
    return listed is not None and own is not None and listed.category == own.category
