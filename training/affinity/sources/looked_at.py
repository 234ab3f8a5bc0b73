"""Looked at or put into the cart, and not bought since: what a customer has been thinking of."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from features.instants import DAY_US
from training.affinity.asked import Asked
from training.affinity.sources.source import Arrays, Floats32, Material

CART: Final = 3.0  # what lies in the cart counts as three views


@dataclass(frozen=True)
class LookedAt:
    """Interest fades with `half_life_days`."""

    half_life_days: float
    name: ClassVar[str] = "looked_at"

    def scores(self, asked: Asked) -> Floats32:
        """(Views, 3 more in the cart) x 2 ** -(days since the last sign of interest / half-life); 0 for what was bought since."""
        wanted = asked.wanted
        age = np.maximum(asked.day - wanted.at[wanted.open] / DAY_US, 0.0)
        worth = (wanted.views + CART * wanted.carted)[wanted.open] * np.exp2(-age / self.half_life_days)
        said = np.zeros(asked.customers * asked.products, np.float32)
        said[wanted.key[wanted.open]] = worth
        return said.reshape(asked.customers, asked.products)

    def arrays(self) -> Arrays:
        """The half-life in days."""
        return {"half_life_days": np.asarray(self.half_life_days)}


def fit(material: Material) -> LookedAt | None:
    """None where nobody looked at anything; the half-life is the shop's median gap between purchases."""
    return LookedAt(material.gap_days) if len(material.everybody.seen.at) else None


def read(arrays: Arrays) -> LookedAt:
    """From `arrays`."""
    return LookedAt(float(arrays["half_life_days"]))
