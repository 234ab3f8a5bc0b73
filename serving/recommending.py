"""Which products to show somebody: from the affinity model, or from what they and others bought where there is none."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from decisions.offers import purchases
from features.history import CustomerHistory
from serving.champions import Champions
from serving.current import Current
from serving.shop import ListedProduct, Shop

_INTEREST: Final = ("product_view", "add_to_cart")


@dataclass(frozen=True)
class Suggestion:
    """One product for somebody: its score (higher is better, of no unit), where it came from, and in words, because of what."""

    product_id: str
    score: float
    source: str
    because: str = ""


@dataclass(frozen=True)
class Filters:
    """What may be shown. `allowed` None is everything."""

    allowed: set[str] | None = None
    exclude_purchased: bool = False


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
    found = champions.affinity.recommend_one(known, current.now, n, exclude_purchased=filters.exclude_purchased, allowed=filters.allowed)
    return [Suggestion(each.product_id, each.score, each.source, each.because) for each in found]


def without_model(bought: Iterable[tuple[str, int, float]], n: int, shop: Shop, filters: Filters) -> list[Suggestion]:
    """What they bought most often, then what most customers bought."""
    own = Counter(product_id for product_id, _, _ in bought)
    repeated = (
        []
        if filters.exclude_purchased
        else [Suggestion(name, float(count), "own_purchases", f"bought {count} times") for name, count in own.most_common()]
    )
    popular = [Suggestion(name, float(count), "popular") for name, count in shop.popular.items() if name not in own]
    kept = popular if filters.exclude_purchased else repeated + popular
    return [each for each in kept if filters.allowed is None or each.product_id in filters.allowed][:n]


@dataclass(frozen=True)
class Similar:
    """(product_id, score) of products like another, the most alike first; `fallback` says that no model was asked."""

    products: list[tuple[str, float]]
    fallback: bool


def similar(product_id: str, n: int, champions: Champions, shop: Shop, now: datetime) -> Similar:
    """The `n` products most like this one that are on sale; what is bought most in its category where the model does not know it."""
    off_sale = {each.product_id for each in shop.products.values() if not each.on_sale(now)}
    if champions.affinity is not None:
        known = champions.affinity.similar(product_id, n + len(off_sale))
        found = [(str(name), float(score)) for name, score in known if name not in off_sale]
        if found:
            return Similar(found[:n], fallback=False)
    own = shop.products.get(product_id)
    beside = [name for name in shop.popular if name != product_id and name not in off_sale and _same_category(shop, name, own)]
    return Similar([(name, float(shop.popular[name])) for name in beside[:n]] if own else [], fallback=True)


def _same_category(shop: Shop, product_id: str, own: ListedProduct | None) -> bool:
    listed = shop.products.get(product_id)
    return listed is not None and own is not None and listed.category == own.category
