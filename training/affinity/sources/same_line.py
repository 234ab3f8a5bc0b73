"""The same line: other variants of what a customer bought, the green cup beside the pink one."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from training.affinity.asked import Asked
from training.affinity.catalogue import UNKNOWN, Kinds
from training.affinity.history import Ints
from training.affinity.sources.favourites import shares_of
from training.affinity.sources.source import Arrays, Floats32, Material
from training.affinity.sources.table_of_popularity import decayed_counts, share_of_most


@dataclass(frozen=True)
class SameLine:
    """`line` codes (UNKNOWN where a product has none) and popularity of every product."""

    line: Ints
    popular: Floats32
    name: ClassVar[str] = "same_line"

    def scores(self, asked: Asked) -> Floats32:
        """The share of the customer's products that are of the same line, more for popular variants; what they bought themselves has 0."""
        said = shares_of(asked, self._kinds).take(self.line, axis=1) * self._worth
        said[asked.pairs.row, asked.pairs.column] = 0.0
        return said

    @cached_property
    def _kinds(self) -> Kinds:
        return Kinds.of(self.line)

    @cached_property
    def _worth(self) -> Floats32:
        return np.asarray(np.float32(0.1) + self.popular, np.float32)

    def arrays(self) -> Arrays:
        """Lines and popularity of every product."""
        return {"line": self.line, "popular": self.popular}


def fit(material: Material) -> SameLine | None:
    """None where no two products are of one line."""
    if not (material.catalogue.line != UNKNOWN).any():
        return None
    popular = share_of_most(decayed_counts(material.everybody, material.half_lives.popularity_days))
    return SameLine(material.catalogue.line, popular)


def read(arrays: Arrays) -> SameLine:
    """From `arrays`."""
    return SameLine(arrays["line"], arrays["popular"])
