"""Popular lately: what sells now, by a half-life of a quarter of popularity's own; seasons and fashions show here first."""

from dataclasses import dataclass
from typing import ClassVar, Final

from training.affinity.sources.popularity import Popularity
from training.affinity.sources.source import Arrays, Material
from training.affinity.sources.table_of_popularity import decayed_counts, share_of_most

FASTER: Final = 4.0


@dataclass(frozen=True)
class PopularLately(Popularity):
    """Popularity with a short memory."""

    name: ClassVar[str] = "popular_lately"


def fit(material: Material) -> PopularLately:
    """Purchases count 2 ** -(4 age / half-life)."""
    return PopularLately(share_of_most(decayed_counts(material.everybody, material.half_lives.popularity_days / FASTER))[None, :])


def read(arrays: Arrays) -> PopularLately:
    """From `arrays`."""
    return PopularLately(arrays["popular"])
