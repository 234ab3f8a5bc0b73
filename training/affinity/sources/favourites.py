"""Favourite categories and brands: what is popular in those that a customer buys most of."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from training.affinity.asked import Asked
from training.affinity.catalogue import UNKNOWN, Kinds
from training.affinity.history import Ints
from training.affinity.sources.source import Arrays, Floats32, Material
from training.affinity.sources.table_of_popularity import decayed_counts, share_of_most


@dataclass(frozen=True)
class Favourites:
    """`category` and `brand` codes (UNKNOWN where there is none) and popularity of every product."""

    category: Ints
    brand: Ints
    popular: Floats32
    name: ClassVar[str] = "favourites"

    def scores(self, asked: Asked) -> Floats32:
        """The root of popularity x the share of the customer's products that are of the same category, plus that of the same brand."""
        said = np.zeros((asked.customers, asked.products), np.float32)
        for kinds in self._kinds:
            said += shares_of(asked, kinds).take(kinds.codes, axis=1)
        return said * self._root

    @cached_property
    def _kinds(self) -> tuple[Kinds, Kinds]:
        return Kinds.of(self.category), Kinds.of(self.brand)

    @cached_property
    def _root(self) -> Floats32:
        return np.sqrt(self.popular)

    def arrays(self) -> Arrays:
        """Codes and popularity of every product."""
        return {"category": self.category, "brand": self.brand, "popular": self.popular}


def fit(material: Material) -> Favourites | None:
    """None where the range names fewer than two categories and two brands."""
    category, brand = material.catalogue.category, material.catalogue.brand
    if max(len(np.unique(codes[codes != UNKNOWN])) for codes in (category, brand)) < 2:
        return None
    popular = share_of_most(decayed_counts(material.everybody, material.half_lives.popularity_days))
    return Favourites(category, brand, popular)


def read(arrays: Arrays) -> Favourites:
    """From `arrays`."""
    return Favourites(arrays["category"], arrays["brand"], arrays["popular"])


def shares_of(asked: Asked, kinds: Kinds) -> Floats32:
    """The share of a customer's products that are of each kind, and zeros in the last column, that of UNKNOWN: (customers, kinds + 1)."""
    number = kinds.number + 1
    own = kinds.codes[asked.pairs.column]
    known = own != UNKNOWN
    counts = np.bincount(asked.pairs.row[known] * number + own[known], minlength=asked.customers * number).reshape(-1, number)
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), np.float32)
