"""What an action may speak of: this customer's products by source, from their own history and the affinity model.

cart: looked at again, or put into the cart, and not bought since. repeat: bought on several days, and due again by its own rhythm.
affinity: what the model expects them to want.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from decisions.situation import Product
from features.contract import SALE
from features.history import KINDS, CustomerHistory
from features.instants import DAY_US, microseconds
from training.affinity.signals import Signals

MOST: Final = 5
CART_DAYS: Final = 30
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


def offered(
    history: CustomerHistory, as_of: datetime, affinity: Affinity | None, describe: Describe, *, profile: Mapping[str, object] | None = None
) -> dict[str, list[Product]]:
    """Products by source, best first, at most five each; a source without any is left out. History at or after `as_of` is not seen.

    The profile tells where the customer is.
    """
    known = history.before(as_of)
    found = {
        "cart": _wanted(known, as_of),
        "repeat": _due(known, as_of),
        "affinity": _liked(signals(known, profile or {}), as_of, affinity),
    }
    named = {source: _described(pairs, describe) for source, pairs in found.items()}
    return {source: products for source, products in named.items() if products}


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


def _wanted(history: CustomerHistory, as_of: datetime) -> list[tuple[str, str]]:
    events, lines = history.events, history.lines
    since = microseconds(as_of) - CART_DAYS * DAY_US
    recent = (events["at"] >= since) & (events["product"] >= 0)
    carted = recent & np.isin(events["type"], _codes(history, "add_to_cart", "checkout_started"))
    viewed = recent & np.isin(events["type"], _codes(history, "product_view"))
    bought = _newest(lines["product"], lines["at"])
    removed = _newest(*_picked(events, np.isin(events["type"], _codes(history, "remove_from_cart"))))
    in_cart = {p: at for p, at in _newest(*_picked(events, carted)).items() if at > bought.get(p, -1) and at > removed.get(p, -1)}
    often = {p for p in set(events["product"][viewed].tolist()) if np.count_nonzero(events["product"][viewed] == p) > 1}
    seen = {p: at for p, at in _newest(*_picked(events, viewed)).items() if p in often and p not in in_cart and at > bought.get(p, -1)}
    ranked = [(p, "in the cart, not bought") for p in _latest_first(in_cart)] + [
        (p, "viewed again, not bought") for p in _latest_first(seen)
    ]
    return [(history.product_ids[p], reason) for p, reason in ranked]


def _due(history: CustomerHistory, as_of: datetime) -> list[tuple[str, str]]:
    lines = history.lines
    sold = (lines["kind"] == KINDS.index(SALE)) & (lines["product"] >= 0)
    products, days = lines["product"][sold], lines["at"][sold] // DAY_US
    today = microseconds(as_of) // DAY_US
    found = []
    for code in np.unique(products).tolist():
        own = np.unique(days[products == code])
        if len(own) < 2:
            continue
        gap = float(own[-1] - own[0]) / (len(own) - 1)
        overdue = float(today - own[-1]) / gap
        if DUE_FROM <= overdue <= DUE_UNTIL:
            found.append((-len(own), abs(overdue - 1), history.product_ids[code], f"bought on {len(own)} days, about every {gap:.0f} days"))
    return [(product_id, reason) for *_, product_id, reason in sorted(found)]


def _liked(known: Signals, as_of: datetime, affinity: Affinity | None) -> list[tuple[str, str]]:
    if affinity is None:
        return []
    return [(one.product_id, one.because) for one in affinity.recommend_one(known, as_of, 4 * MOST)]


def _codes(history: CustomerHistory, *types: str) -> list[int]:
    return [code for code, name in enumerate(history.event_types) if name in types]


def _picked(events: Mapping[str, NDArray[np.generic]], where: NDArray[np.bool_]) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    return events["product"][where], events["at"][where]


def _newest(products: NDArray[np.generic], at: NDArray[np.generic]) -> dict[int, int]:
    """The newest instant of each product; rows come oldest first."""
    return dict(zip(products.tolist(), at.tolist(), strict=True))


def _latest_first(newest: Mapping[int, int]) -> list[int]:
    return sorted(newest, key=lambda code: (-newest[code], code))
