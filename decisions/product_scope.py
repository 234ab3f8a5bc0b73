"""Which of a customer's products an action speaks of: those of its scope, source by source."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from decisions.actions import Action, ProductScope
from decisions.merchandising.product_range import Mask, ProductRange, category_path
from decisions.situation import Product

RANKED: Final = "affinity"
"""The source that can be asked again, for what a scope holds."""


def scoped(scope: ProductScope, products: Mapping[str, Sequence[Product]]) -> tuple[Product, ...]:
    """The products of a scope, at most `scope.count`: the first source's first, none twice; empty where no source has any.

    A product is within the scope's categories if its category is one of them or below one, within its brands and ids if it is one of them, and
    under its price if its price is known and not above; what is not given does not restrict.
    """
    found: dict[str, Product] = {}
    held = _Held(scope).by if _restricts(scope) else None
    for source in scope.sources:
        for product in products.get(source, ()):
            if len(found) == scope.count:
                return tuple(found.values())
            if product.product_id not in found and (held is None or held(product)):
                found[product.product_id] = product
    return tuple(found.values())


def narrow_scopes(actions: Iterable[Action]) -> tuple[ProductScope, ...]:
    """The scopes, each once, for which the affinity model may have to be asked by themselves: those that leave out part of what it ranks."""
    scopes = (action.products for action in actions)
    return tuple(dict.fromkeys(scope for scope in scopes if RANKED in scope.sources and _restricts(scope)))


def scope_mask(scope: ProductScope, products: ProductRange) -> Mask:
    """Of every row of the range, whether the scope holds it, as `scoped` says it of a product."""
    held = np.ones(len(products.available), bool)
    if scope.categories:
        held &= products.within(scope.categories)[products.category]
    if scope.brands:
        held &= products.of_brands([brand.strip() for brand in scope.brands])[products.brand]
    if scope.product_ids:
        named = np.zeros(len(held), bool)
        rows = products.rows(scope.product_ids)
        named[rows[rows >= 0]] = True
        held &= named
    if scope.most_price is not None:
        held &= products.price <= scope.most_price
    return held


def priced(products: Iterable[Product]) -> float | None:
    """What one of each costs together, money; None where that is not known, of one of them or because there are none.

    An offer on products alone (`Offer.on_products`) costs at most its share of this.
    """
    prices = [product.price for product in products]
    known = [price for price in prices if price is not None]
    return sum(known) if prices and len(known) == len(prices) else None


class _Held:
    """What a scope holds, made ready to be asked product by product."""

    def __init__(self, scope: ProductScope) -> None:
        self._scope = scope
        self._categories = tuple(category_path(category) for category in scope.categories)
        self._below = tuple(f"{category} > " for category in self._categories)
        self._brands = frozenset(brand.strip() for brand in scope.brands)
        self._product_ids = frozenset(scope.product_ids)

    def by(self, product: Product) -> bool:
        scope = self._scope
        if self._product_ids and product.product_id not in self._product_ids:
            return False
        if self._brands and product.brand.strip() not in self._brands:
            return False
        if scope.most_price is not None and (product.price is None or product.price > scope.most_price):
            return False
        if not self._categories:
            return True
        path = category_path(product.category)
        return path in self._categories or path.startswith(self._below)


def _restricts(scope: ProductScope) -> bool:
    return bool(scope.categories or scope.brands or scope.product_ids) or scope.most_price is not None
