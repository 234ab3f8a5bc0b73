"""Personal frequency: what somebody bought often and lately they will buy again. The baseline that embarrasses most models."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from training.affinity.asked import Asked
from training.affinity.sources.source import Arrays, Floats32, Material


@dataclass(frozen=True)
class PersonalFrequency:
    """The share of a customer's baskets that hold the product, older ones counting less (Asked.shares)."""

    half_life_days: float
    name: ClassVar[str] = "personal_frequency"

    def scores(self, asked: Asked) -> Floats32:
        """0 to 1; what they never bought has 0."""
        said = np.zeros(asked.customers * asked.products, np.float32)
        said[asked.pairs.key] = asked.shares(self.half_life_days)
        return said.reshape(asked.customers, asked.products)

    def arrays(self) -> Arrays:
        """The half-life in days."""
        return {"half_life_days": np.asarray(self.half_life_days)}


def fit(material: Material) -> PersonalFrequency:
    """Nothing is learned but the half-life."""
    return PersonalFrequency(material.half_lives.personal_days)


def read(arrays: Arrays) -> PersonalFrequency:
    """From `arrays`."""
    return PersonalFrequency(float(arrays["half_life_days"]))
