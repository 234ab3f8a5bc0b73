"""What the simulated shop sells: categories of names, each name in the same few brands, and how a customer picks one."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_FILE = Path(__file__).with_name("assortment.yaml")
_BRAND_LEVELS = np.array([0.8, 0.95, 1.1, 1.35])
"""Price level of the four brands: who has a favourite brand has a price level too."""
_FAVOURITE_BRAND_SHARE = 0.55
_LATE_SHARE = 0.08
_UNAVAILABLE_SHARE = 0.03


@dataclass(frozen=True)
class Assortment:
    """The range: one entry per product, ordered by category, name, brand (so that a product's number is made of the three)."""

    names: tuple[str, ...]
    brands: tuple[str, ...]
    paths: tuple[str, ...]
    cycle_days: Floats
    """Per category: days that one piece lasts; NaN where it lasts for years."""
    names_per_category: int
    list_price: Floats
    unit_cost: Floats
    available: NDArray[np.bool_]
    launched_at: Floats
    """Days since start; negative for what was there before."""
    popularity: Floats
    """Per category x name: share of the category's demand; the rows sum to 1."""

    @property
    def size(self) -> int:
        """Number of products."""
        return len(self.names)

    @property
    def category(self) -> Ints:
        """Each product's category number."""
        return np.arange(self.size) // (self.names_per_category * len(self.brands))

    def pick(self, categories: Ints, favourite_brand: Ints, at: Floats, rng: np.random.Generator) -> Ints:
        """One product each: a name by its popularity in the category, a brand by the customer's own preference.

        What is not launched yet is replaced by the same name in the first brand, which has always been there.
        """
        brands = len(self.brands)
        cumulative = np.cumsum(self.popularity, axis=1)
        cumulative[:, -1] = 1.0
        flat = (cumulative + np.arange(len(cumulative))[:, None]).ravel()
        name = np.searchsorted(flat, categories + rng.random(categories.size), side="right")
        other = (favourite_brand + rng.integers(1, brands, categories.size)) % brands
        brand = np.where(rng.random(categories.size) < _FAVOURITE_BRAND_SHARE, favourite_brand, other)
        product = name * brands + brand
        return np.where(self.launched_at[product] > at, name * brands, product)


def make_assortment(days: float, rng: np.random.Generator) -> Assortment:
    """The range of a shop that is watched for this many days: 240 products; some come later, some are sold out now."""
    read = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    brands, categories = tuple(read["brands"]), read["categories"]
    per_category = len(categories[0]["names"])
    names = tuple(f"{name} {brand}" for category in categories for name in category["names"] for brand in brands)
    prices = _prices(np.array([c["price"] for c in categories], dtype=np.float64), per_category, rng)
    size = len(names)
    late = (rng.random(size) < _LATE_SHARE) & (np.arange(size) % len(brands) > 0)
    popularity = rng.permuted(np.tile(1.0 / np.arange(1, per_category + 1), (len(categories), 1)), axis=1)
    return Assortment(
        names=names,
        brands=brands,
        paths=tuple(c["path"] for c in categories),
        cycle_days=np.array([c["cycle_days"] or np.nan for c in categories], dtype=np.float64),
        names_per_category=per_category,
        list_price=prices,
        unit_cost=np.round(prices * rng.uniform(0.45, 0.7, size), 2),
        available=rng.random(size) >= _UNAVAILABLE_SHARE,
        launched_at=np.where(late, rng.uniform(0.0, days, size), -rng.uniform(30.0, 900.0, size)),
        popularity=popularity / popularity.sum(axis=1, keepdims=True),
    )


def _prices(medians: Floats, names_per_category: int, rng: np.random.Generator) -> Floats:
    by_name = np.repeat(medians, names_per_category) * rng.lognormal(0.0, 0.3, medians.size * names_per_category)
    tenths = np.round(np.outer(by_name, _BRAND_LEVELS).ravel(), 1)
    return np.asarray(np.round(np.maximum(tenths - 0.01, 0.49), 2), dtype=np.float64)
