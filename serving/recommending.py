"""Which products to show somebody: from the affinity model, or from what they and others bought where there is none."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from serving.champions import Champions
from serving.current import Current
from serving.shop import ListedProduct, Shop
from serving.taste import Taste
from training.affinity.model import AffinityModel
from training.affinity.signals import Signals


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
        signals: Signals,
        as_of: datetime,
        n: int,
        *,
        exclude_purchased: bool = False,
    ) -> list[Suggestion]:
        """What the model recommends."""
        known = Taste(signals.purchases, frozenset(product_id for product_id, _, _ in signals.purchases))
        return self.suggest(known, as_of, n, Filters(exclude_purchased=exclude_purchased))

    def suggest(self, known: Taste, as_of: datetime, n: int, filters: Filters) -> list[Suggestion]:
        """What the model recommends for this taste."""
        offered = None if filters.allowed is None else self.model.offered(filters.allowed)
        found = self.model.recommend_one(Signals(known.signals), as_of, n, exclude_purchased=filters.exclude_purchased, offered=offered)
        return [
            Suggestion(
                each.product_id, each.score, each.source, known.because(each, self.shop.name_of(each.because_of or "")), each.because_of
            )
            for each in found
        ]


def suggest(current: Current, known: Taste, n: int, champions: Champions, filters: Filters) -> list[Suggestion]:
    """The `n` best products for somebody of this taste, best first; fewer where fewer may be shown."""
    if champions.affinity is None:
        return without_model(known, n, current.shop, filters)
    return NamedAffinity(champions.affinity, current.shop).suggest(known, current.now, n, filters)


def without_model(known: Taste, n: int, shop: Shop, filters: Filters) -> list[Suggestion]:
    """What they bought most often, then what most customers bought."""
    own = Counter(product_id for product_id, _, _ in known.signals if product_id in known.bought)
    repeated = (
        []
        if filters.exclude_purchased
        else [Suggestion(name, float(count), "own_purchases", known.often(name), name) for name, count in own.most_common()]
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
        offered = None if allowed is None else champions.affinity.offered(allowed)
        found = champions.affinity.similar(product_id, n, offered=offered)
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
