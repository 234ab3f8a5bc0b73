"""What the shop offers, made ready once for many answers: its range as arrays, and the rules that hold for a placement and its filters."""

import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decisions.merchandising import Filters, Plan, ProductRange, Rules, prepare, product_range
from serving.shop import Shop
from training.affinity.model import AffinityModel

MOST_PLANS: Final = 64
"""Plans that are kept, each some bytes per product of the range."""


@dataclass(frozen=True, eq=False)
class Stocked:
    """The range of one publication. `by_popularity` has its rows: what most customers bought first, then the newest."""

    shop: Shop
    products: ProductRange
    by_popularity: NDArray[np.int64]


@dataclass(frozen=True)
class Shelf:
    """What may be shown in one place, with one set of filters, now."""

    stocked: Stocked
    plan: Plan

    @property
    def shop(self) -> Shop:
        """The publication that it is of."""
        return self.stocked.shop

    def most_bought(
        self, at_most: int, without: Collection[str], *, categories: Collection[str] = (), first: str | None = None
    ) -> list[tuple[str, int]]:
        """What may be shown of the whole range but these products and categories: what most customers bought first, then the newest.

        Each with how many bought it. Products of the same category as `first` come before all others.
        """
        shown, products, rows = self.plan.may_be_shown, self.plan.products, self.stocked.by_popularity
        if categories:
            shown = shown & ~products.within(categories)[products.category]
        rows = rows[shown[rows]]
        if first is not None:
            alike = products.category[rows] == products.category[products.rows([first])[0]]
            rows = np.concatenate([rows[alike], rows[~alike]])
        names = (products.product_ids[row] for row in rows[: at_most + len(without)].tolist())
        return [(name, self.shop.popular.get(name, 0)) for name in names if name not in without][:at_most]


@dataclass
class Offering:
    """The range of the newest publication, and plans for it, under one set of rules and for one model.

    Whatever a plan was made for names it, and it is used for as long as it holds: nothing has to be told when something changes.
    """

    rules: Rules
    model: AffinityModel | None
    _stocked: Stocked | None = None
    _plans: OrderedDict[tuple[int, str | None, Filters], Plan] = field(default_factory=OrderedDict, repr=False)
    _one: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def shelf(self, shop: Shop, filters: Filters, placement: str | None, now: datetime) -> Shelf:
        """What may be shown of this publication in this placement."""
        stocked = self._stock(shop)
        key = shop.generation, placement if placement in self._named_placements else None, filters
        with self._one:
            plan = self._plans.get(key)
            if plan is not None:
                self._plans.move_to_end(key)
        if plan is None or plan.products is not stocked.products or not plan.at <= now or (plan.until is not None and now >= plan.until):
            plan = prepare(stocked.products, self.rules, filters, placement=placement, at=now)
            with self._one:
                self._plans[key] = plan
                while len(self._plans) > MOST_PLANS:
                    self._plans.popitem(last=False)
        return Shelf(stocked, plan)

    def _stock(self, shop: Shop) -> Stocked:
        stocked = self._stocked
        if stocked is None or stocked.shop is not shop:
            stocked = self._stocked = stock(shop, None if self.model is None else self.model.product_ids, self.rules.columns.stock)
        return stocked

    @cached_property
    def _named_placements(self) -> set[str]:
        """The placements that a rule names: all others are alike."""
        rules = self.rules
        scopes = (rule.scope for kind in (rules.pins, rules.boosts, rules.blocks, rules.only) for rule in kind)
        return {placement for scope in scopes for placement in scope.placements}


def stock(shop: Shop, ranked: Sequence[str] | NDArray[np.str_] | None, stock_column: str) -> Stocked:
    """The range of this publication; `ranked` are the model's products, None without a model."""
    products = product_range(list(shop.popular) if ranked is None else ranked, _listed(shop, stock_column), stock_column=stock_column)
    bought = np.asarray([shop.popular.get(product_id, 0) for product_id in products.product_ids], np.int64)
    newest = products.available_from[:-1]
    return Stocked(shop, products, np.lexsort((-newest.astype(float), -bought)))


def _listed(shop: Shop, stock_column: str) -> pd.DataFrame | None:
    """The published products in the contract's columns."""
    if not shop.products:
        return None
    rows = [
        {
            stock_column: product.attributes.get(stock_column),
            "product_id": product.product_id,
            "category": product.category or None,
            "brand": product.brand or None,
            "list_price": product.price,
            "available": product.available,
            "available_from": product.available_from,
        }
        for product in shop.products.values()
    ]
    return pd.DataFrame(rows).astype({"category": "str", "brand": "str", "available_from": "datetime64[us]"})
