"""Popular where they are: what customers of the same country buy lately."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from training.affinity.asked import Asked, Bought
from training.affinity.catalogue import UNKNOWN
from training.affinity.sources.popularity import decayed_counts, share_of_most
from training.affinity.sources.source import Arrays, Floats32, Material

LEAST_CUSTOMERS: Final = 30  # of a place, below which what they buy is chance
MOST_PLACES: Final = 50


@dataclass(frozen=True)
class PopularInPlace:
    """`popular` (places, products), 0 to 1; a place of too few customers has zeros."""

    popular: Floats32
    name: ClassVar[str] = "popular_in_place"

    def scores(self, asked: Asked) -> Floats32:
        """The popularity in the customer's place; zeros where that is not known."""
        place = np.where(asked.place < len(self.popular), asked.place, UNKNOWN)
        return np.where((place == UNKNOWN)[:, None], np.float32(0.0), self.popular[place])

    def arrays(self) -> Arrays:
        """The popularity of every product in every place."""
        return {"popular": self.popular}


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
