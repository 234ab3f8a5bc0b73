"""At most so many of one category and of one brand in a list."""

from collections import Counter
from dataclasses import dataclass

from decisions.merchandising.product_range import UNLISTED
from decisions.merchandising.reasons import Reason


@dataclass
class Tally:
    """How often each category and brand stands in the list, against the caps; UNLISTED is none, and never over a cap."""

    category_cap: int | None
    brand_cap: int | None

    def __post_init__(self) -> None:
        self._categories: Counter[int] = Counter()
        self._brands: Counter[int] = Counter()

    def over(self, category: int, brand: int) -> Reason | None:
        """Why one more of this category and brand would be too many; None where it would not."""
        if self.category_cap is not None and category != UNLISTED and self._categories[category] >= self.category_cap:
            return "category_cap"
        if self.brand_cap is not None and brand != UNLISTED and self._brands[brand] >= self.brand_cap:
            return "brand_cap"
        return None

    def add(self, category: int, brand: int) -> None:
        """One more of them stands in the list."""
        self._categories[category] += 1
        self._brands[brand] += 1
