"""What a positive outcome of an action is worth, and what a contact risks, in money. Arrays are customers x actions.

    value = action.value                                                   if the catalogue names it
          = margin_share x gain - discount - gift                          if the action moves customers to a stage whose gain the shop's histories tell;
                                                                           a move to purchase is an order, whose value is added to the gain
          = margin_share x order_value x order_share - discount - gift     otherwise
    discount = discount_share x (order_value x order_share, at most the price of the shown products if it is for them alone)
    leaving_cost = P(unsubscribes | contact) x leaving_share x margin_share x worth

`gain` is what the move adds to the revenue of the next 12 months, `worth` that revenue (`training.journey_value`; both are told by stage and number of
orders). Before there are histories that tell, `order_share` stands for the gain: the action's own, or the stage's from the catalogue (decision .6: an
order is near; awareness .02: a touch is far from one), and a customer is worth two orders. An accepted discount or gift is paid from the order, so it
lowers the value and not the cost. A contact that drives customers away costs a part of all that they would still have brought: a policy that counts
the next answer alone contacts too often.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from decisions.actions import Action, Catalogue
from features.contract import STAGES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

ORDER_COUNTS: Final = (0, 1, 2, 4)
"""The least number of orders of each bucket of the journey's values: 0, 1, 2-3, 4+."""
USUAL_ORDERS: Final = 2.0
"""Orders in the next 12 months of a customer of whom no history tells."""
USUAL_LEAVING_SHARE: Final = 0.3
SOURCES: Final = ("catalogue", "order", "journey", "prior")
"""Where a value is from: the catalogue names it, the margin of an order, the gain of moving on, or an assumption in its place."""


class Journey(Protocol):
    """What stages of the journey are worth, in revenue."""

    @property
    def leaving_share(self) -> float:
        """The share of a customer's worth that is lost when they unsubscribe."""

    def gain(self, stage: str, order_count: float, to_stage: str) -> tuple[float, bool] | None:
        """What moving to that stage adds, and whether that is an assumption; None where nothing is known."""

    def worth(self, stage: str, order_count: float) -> float | None:
        """The revenue of the next 12 months; None where nothing is known."""

    def to_plain(self) -> dict[str, Any]:
        """Plain data for JSON."""


@dataclass(frozen=True, eq=False)
class Money:
    """The values of a catalogue, made ready: what does not depend on the single customer, as stages x buckets x actions."""

    fixed: Floats
    order_share: Floats
    gain: Floats
    moves: Flags
    orders: Flags
    worth: Floats
    leaving_share: float
    margin_share: float
    discount_share: Floats
    on_products: Flags
    gift: Floats

    @classmethod
    def of(cls, catalogue: Catalogue, journey: Journey | None) -> "Money":
        """The money rules of this catalogue in a shop with these journey values."""
        actions = catalogue.actions
        offers = [action.offer for action in actions]
        return cls(
            fixed=np.array([np.nan if action.value is None else action.value for action in actions]),
            order_share=np.array([[_order_share(action, stage, catalogue.order_shares) for action in actions] for stage in STAGES]),
            gain=np.array([[[_gain(journey, stage, n, action) for action in actions] for n in ORDER_COUNTS] for stage in STAGES]),
            moves=np.array([action.moves_to is not None for action in actions]),
            orders=np.array([action.moves_to == "purchase" for action in actions]),
            worth=np.array([[_worth(journey, stage, n) for n in ORDER_COUNTS] for stage in STAGES]),
            leaving_share=USUAL_LEAVING_SHARE if journey is None else journey.leaving_share,
            margin_share=catalogue.margin_share,
            discount_share=np.array([offer.discount_share if offer else 0.0 for offer in offers]),
            on_products=np.array([bool(offer and offer.on_products) for offer in offers]),
            gift=np.array([offer.cost if offer else 0.0 for offer in offers]),
        )

    def values(self, stages: Ints, order_counts: Floats, order_values: Floats, prices: Floats) -> tuple[Floats, Ints]:
        """(value, where it is from as a place in `SOURCES`) for customers x actions. `prices`: of the shown products, NaN for unknown."""
        base = order_values[:, None] * self.order_share[stages]
        gain = self.gain[stages, _bucket(order_counts)] + np.where(self.orders, order_values[:, None], 0.0)
        moved = ~np.isnan(gain)
        discounted = np.where(self.on_products & ~np.isnan(prices), np.minimum(base, prices), base)
        computed = self.margin_share * np.where(moved, gain, base) - self.discount_share * discounted - self.gift
        named = ~np.isnan(self.fixed)
        source = np.where(named, 0, np.where(moved, 2, np.where(self.moves, 3, 1)))
        return np.where(named, self.fixed, computed), source

    def leaving(self, stages: Ints, order_counts: Floats, order_values: Floats) -> Floats:
        """Money that is lost when the customer unsubscribes, per customer."""
        told = self.worth[stages, _bucket(order_counts)]
        worth = np.where(np.isnan(told), USUAL_ORDERS * order_values, told)
        return np.asarray(self.leaving_share * self.margin_share * worth)


def _bucket(order_counts: Floats) -> Ints:
    return np.searchsorted(np.array(ORDER_COUNTS[1:], dtype=np.float64), order_counts, side="right").astype(np.int64)


def _order_share(action: Action, stage: str, shares: Mapping[str, float]) -> float:
    return shares[stage] if action.order_share is None else action.order_share


def _gain(journey: Journey | None, stage: str, order_count: int, action: Action) -> float:
    """NaN where the action moves nobody, or only assumptions tell what that is worth."""
    found = None if journey is None or action.moves_to is None else journey.gain(stage, order_count, action.moves_to)
    return np.nan if found is None or found[1] else found[0]


def _worth(journey: Journey | None, stage: str, order_count: int) -> float:
    found = None if journey is None else journey.worth(stage, order_count)
    return np.nan if found is None else found
