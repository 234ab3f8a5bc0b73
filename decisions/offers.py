"""What an action may speak of: this customer's products by source, from their own history and the affinity model.

cart: put into the cart, not taken out and not bought since. viewed: looked at again, or a few days ago, neither in the cart nor bought since.
repeat: bought on several days, and due again by its own rhythm. affinity: what the model expects them to want.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from decisions.actions import ProductScope
from decisions.product_scope import RANKED, scoped
from decisions.situation import Product
from features.contract import SALE
from features.history import KINDS, CustomerHistory
from features.instants import DAY_US, microseconds
from training.affinity.signals import Signals

MOST: Final = 20
"""Products per source, so that scopes find something among them: asking the model for twenty costs what asking it for five costs."""
CART_DAYS: Final = 30
VIEWED_ONCE_DAYS: Final = 7
"""Who looked at a product once is reminded of it for so many days; who looked at it again, for `CART_DAYS`."""
DUE_FROM: Final = 0.8
"""Due from this share of the product's own mean gap on ..."""
DUE_UNTIL: Final = 2.0
"""... until this one: later, the customer has probably found another source."""

INTEREST: Final = ("product_view", "add_to_cart", "remove_from_cart", "checkout_started")
"""Events that say something about the product they name: those of `features.interactions.INTEREST`, which brings the engine along."""

Describe = Callable[[str, str], Product | None]
"""(product_id, reason) -> the product as the range lists it; None for one that may not be offered."""


class Recommended(Protocol):
    """One recommendation of the affinity model."""

    @property
    def product_id(self) -> str:
        """The product."""

    @property
    def because(self) -> str:
        """Why, in words."""


class Affinity(Protocol):
    """The part of the affinity model that is asked here."""

    def recommend_one(
        self,
        signals: Signals,
        as_of: datetime,
        n: int,
        *,
        exclude_purchased: bool = False,
    ) -> Sequence[Recommended]:
        """The best `n` products for somebody with these signals."""

    def within(self, scope: ProductScope) -> Self:
        """The model, asked for nothing but what this scope holds."""


def offered(
    history: CustomerHistory,
    as_of: datetime,
    affinity: Affinity | None,
    describe: Describe,
    *,
    profile: Mapping[str, object] | None = None,
    scopes: Sequence[ProductScope] = (),
) -> dict[str, list[Product]]:
    """Products by source, best first, at most `MOST` each; a source without any is left out. History at or after `as_of` is not seen.

    The profile tells where the customer is. `scopes` are the narrow ones that actions ask for (`product_scope.narrow_scopes`): where the
    sources do not fill one, the model is asked for it by itself, and what it answers stands behind what it ranks of the whole range.
    """
    known = history.before(as_of)
    in_cart, viewed = _wanted(known, as_of)
    pairs: dict[str, Sequence[tuple[str, str]]] = {"cart": in_cart, "viewed": viewed, "repeat": _due(known, as_of)}
    found = {source: _described(own, describe) for source, own in pairs.items()}
    found[RANKED] = _liked(signals(known, profile or {}), as_of, affinity, describe, scopes, found)
    return {source: products for source, products in found.items() if products}


def purchases(history: CustomerHistory) -> list[tuple[str, int, float]]:
    """product_id, instant in microseconds and quantity of every sale line with a product, oldest first: what the affinity model reads."""
    lines = history.lines
    sold = (lines["kind"] == KINDS.index(SALE)) & (lines["product"] >= 0)
    quantity = np.where(np.isnan(lines["quantity"]), 1.0, lines["quantity"])
    rows = zip(lines["product"][sold].tolist(), lines["at"][sold].tolist(), quantity[sold].tolist(), strict=True)
    return [(history.product_ids[code], at, pieces) for code, at, pieces in rows]


def interest(history: CustomerHistory) -> list[tuple[str, int, str]]:
    """product_id, instant in microseconds and event type of every event that shows interest in a product, oldest first."""
    events = history.events
    shown = np.isin(events["type"], _codes(history, *INTEREST)) & (events["product"] >= 0)
    rows = zip(events["product"][shown].tolist(), events["known_at"][shown].tolist(), events["type"][shown].tolist(), strict=True)
    return [(history.product_ids[code], at, history.event_types[kind]) for code, at, kind in rows]


def signals(history: CustomerHistory, profile: Mapping[str, object]) -> Signals:
    """What the affinity model is asked with for a customer of this history and profile; their place is their country."""
    return Signals(purchases(history), interest(history), str(profile.get("country") or ""))


def _described(pairs: Sequence[tuple[str, str]], describe: Describe) -> list[Product]:
    listed = (describe(product_id, reason) for product_id, reason in pairs)
    return [product for product in listed if product is not None][:MOST]


def _wanted(history: CustomerHistory, as_of: datetime) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """What lies in the cart, newest first; and what was only looked at, more than once first, then newest first."""
    events, lines, now = history.events, history.lines, microseconds(as_of)
    recent = (events["at"] >= now - CART_DAYS * DAY_US) & (events["product"] >= 0)
    carted = recent & np.isin(events["type"], _codes(history, "add_to_cart", "checkout_started"))
    looked = recent & np.isin(events["type"], _codes(history, "product_view"))
    turned_away = _newest(lines["product"], lines["at"])
    for product, at in _newest(*_picked(events, np.isin(events["type"], _codes(history, "remove_from_cart")))).items():
        turned_away[product] = max(at, turned_away.get(product, -1))
    in_cart = {p: at for p, at in _newest(*_picked(events, carted)).items() if at > turned_away.get(p, -1)}
    views = Counter(events["product"][looked].tolist())
    seen = {
        p: at
        for p, at in _newest(*_picked(events, looked)).items()
        if p not in in_cart and at > turned_away.get(p, -1) and (views[p] > 1 or at >= now - VIEWED_ONCE_DAYS * DAY_US)
    }
    again, once = ({p: at for p, at in seen.items() if (views[p] > 1) is more} for more in (True, False))
    cart = [(history.product_ids[p], f"put into the cart {_since(in_cart[p], now)}, not bought") for p in _latest_first(in_cart)]
    viewed = [(history.product_ids[p], f"viewed {views[p]} times, not bought") for p in _latest_first(again)]
    return cart, viewed + [(history.product_ids[p], f"viewed {_since(once[p], now)}, not bought") for p in _latest_first(once)]


def _since(at: int, now: int) -> str:
    days = (now - at) // DAY_US
    return "today" if days < 1 else f"{days} day{'s' if days > 1 else ''} ago"


def _due(history: CustomerHistory, as_of: datetime) -> list[tuple[str, str]]:
    lines = history.lines
    sold = (lines["kind"] == KINDS.index(SALE)) & (lines["product"] >= 0)
    days: dict[int, set[int]] = {}
    for code, day in zip(lines["product"][sold].tolist(), (lines["at"][sold] // DAY_US).tolist(), strict=True):
        days.setdefault(code, set()).add(day)
    today = microseconds(as_of) // DAY_US
    found = []
    for code, own in days.items():
        if len(own) < 2:
            continue
        gap = (max(own) - min(own)) / (len(own) - 1)
        overdue = (today - max(own)) / gap
        if DUE_FROM <= overdue <= DUE_UNTIL:
            found.append((-len(own), abs(overdue - 1), history.product_ids[code], f"bought on {len(own)} days, about every {gap:.0f} days"))
    return [(product_id, reason) for *_, product_id, reason in sorted(found)]


def _liked(
    known: Signals,
    as_of: datetime,
    affinity: Affinity | None,
    describe: Describe,
    scopes: Sequence[ProductScope],
    others: Mapping[str, Sequence[Product]],
) -> list[Product]:
    if affinity is None:
        return []
    liked = _described([(one.product_id, one.because) for one in affinity.recommend_one(known, as_of, MOST)], describe)
    for scope in scopes:
        filled = scoped(scope, {**others, RANKED: liked})
        if len(filled) < scope.count:
            there = {product.product_id for product in liked}
            ranked = affinity.within(scope).recommend_one(known, as_of, scope.count + len(filled))
            liked += _described([(one.product_id, one.because) for one in ranked if one.product_id not in there], describe)
    return liked


def _codes(history: CustomerHistory, *types: str) -> list[int]:
    return [code for code, name in enumerate(history.event_types) if name in types]


def _picked(events: Mapping[str, NDArray[np.generic]], where: NDArray[np.bool_]) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    return events["product"][where], events["at"][where]


def _newest(products: NDArray[np.generic], at: NDArray[np.generic]) -> dict[int, int]:
    """The newest instant of each product; rows come oldest first."""
    return dict(zip(products.tolist(), at.tolist(), strict=True))


def _latest_first(newest: Mapping[int, int]) -> list[int]:
    return sorted(newest, key=lambda code: (-newest[code], code))
