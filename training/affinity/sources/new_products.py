"""New products, by what they are: category, brand and price like those of what a customer buys. Sales say little of them yet."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from training.affinity.asked import Asked
from training.affinity.catalogue import UNKNOWN, Kinds
from training.affinity.history import Ints
from training.affinity.sources.favourites import shares_of
from training.affinity.sources.source import Arrays, Floats32, Material

FEW_BUYERS: Final = 5
NEW_GAPS: Final = 2.0  # median gaps between purchases, for which a product is new
PRICE_SPREAD: Final = 0.7  # of log prices: twice the usual price counts a half


@dataclass(frozen=True)
class NewProducts:
    """`cold` products, with category, brand and the log of their price (NaN where missing)."""

    cold: NDArray[np.bool_]
    category: Ints
    brand: Ints
    log_price: NDArray[np.float64]
    name: ClassVar[str] = "new_products"

    def scores(self, asked: Asked) -> Floats32:
        """(Share of the customer's products of the same category + of the same brand) x closeness of the price to their usual one."""
        alike = np.zeros((asked.customers, len(self._columns)), np.float32)
        for kinds in self._kinds:
            alike += shares_of(asked, kinds).take(kinds.codes[self._columns], axis=1)
        said = np.zeros((asked.customers, asked.products), np.float32)
        said[:, self._columns] = alike * self._closeness(asked)
        return said

    @cached_property
    def _columns(self) -> Ints:
        return np.flatnonzero(self.cold)

    @cached_property
    def _kinds(self) -> tuple[Kinds, Kinds]:
        return Kinds.of(self.category), Kinds.of(self.brand)

    def _closeness(self, asked: Asked) -> NDArray[np.float64]:
        price = self.log_price[asked.pairs.column]
        priced = ~np.isnan(price)
        row = asked.pairs.row[priced]
        number = np.bincount(row, minlength=asked.customers)
        usual = np.bincount(row, price[priced], asked.customers) / np.maximum(number, 1)
        apart = (self.log_price[self._columns][None, :] - usual[:, None]) / PRICE_SPREAD
        known = ~np.isnan(apart) & (number > 0)[:, None]
        return np.where(known, np.exp2(-np.square(np.where(known, apart, 0.0))), 0.5)

    def arrays(self) -> Arrays:
        """Which products are cold, and what they are."""
        return {"cold": self.cold, "category": self.category, "brand": self.brand, "log_price": self.log_price}


def fit(material: Material) -> NewProducts | None:
    """Cold: fewer than five buyers, and first sold (or on sale) within two median gaps, or never sold. None where the range tells nothing.

    Where no product is cold today the source has nothing to say, and stays: a ranker may have learned with it at an earlier time.
    """
    asked, catalogue = material.everybody, material.catalogue
    buyers = np.bincount(asked.pairs.column, minlength=asked.products)
    first = np.full(asked.products, np.inf)
    np.minimum.at(first, asked.pairs.column, asked.pairs.first)
    since = np.where(np.isinf(first), np.where(np.isnan(catalogue.since), asked.day, catalogue.since), first)
    cold = (buyers < FEW_BUYERS) & (asked.day - since <= NEW_GAPS * material.gap_days)
    told = (catalogue.category != UNKNOWN) | (catalogue.brand != UNKNOWN)
    if not told.any():
        return None
    return NewProducts(cold & told, catalogue.category, catalogue.brand, np.log(np.where(catalogue.price > 0, catalogue.price, np.nan)))


def read(arrays: Arrays) -> NewProducts:
    """From `arrays`."""
    return NewProducts(arrays["cold"], arrays["category"], arrays["brand"], arrays["log_price"])
