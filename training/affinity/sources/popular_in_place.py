"""Popular where they are: what customers of the same country buy lately."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from training.affinity.asked import Asked, Bought
from training.affinity.catalogue import UNKNOWN
from training.affinity.history import Ints
from training.affinity.sources.source import Arrays, Material
from training.affinity.sources.table_of_popularity import TableOfPopularity, decayed_counts, share_of_most

LEAST_CUSTOMERS: Final = 30  # of a place, below which what they buy is chance
MOST_PLACES: Final = 50


@dataclass(frozen=True)
class PopularInPlace(TableOfPopularity):
    """One group for each place; one of too few customers has zeros."""

    name: ClassVar[str] = "popular_in_place"

    def groups(self, asked: Asked) -> Ints:
        """Where the customer is."""
        return np.where(asked.place < len(self.popular), asked.place, UNKNOWN)


def fit(material: Material) -> PopularInPlace | None:
    """None where fewer than two places have thirty customers; the fifty largest are kept."""
    everybody = material.everybody
    customers = np.bincount(everybody.place[everybody.place != UNKNOWN], minlength=len(material.place_names))
    large = np.flatnonzero(customers >= LEAST_CUSTOMERS)
    if len(large) < 2:
        return None
    popular = np.zeros((len(material.place_names), everybody.products), np.float32)
    for place in large[np.argsort(-customers[large], kind="stable")][:MOST_PLACES]:
        popular[place] = share_of_most(decayed_counts(_of_place(everybody, int(place)), material.half_lives.popularity_days))
    return PopularInPlace(popular)


def read(arrays: Arrays) -> PopularInPlace:
    """From `arrays`."""
    return PopularInPlace(arrays["popular"])


def _of_place(asked: Asked, place: int) -> Asked:
    mine = asked.place[asked.bought.customer] == place
    bought = Bought(asked.bought.customer[mine], asked.bought.product[mine], asked.bought.day[mine])
    return Asked(asked.day, asked.customers, asked.products, bought, asked.seen, asked.place)
