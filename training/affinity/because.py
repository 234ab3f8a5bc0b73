"""One recommendation and the reason for it, in words a shopper would accept."""

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from statistics import median
from typing import Final

import numpy as np

from training.affinity.asked import Asked
from training.affinity.recall import Recall
from training.affinity.sources.bought_together import BoughtTogether
from training.affinity.sources.neighbourhood import nearness
from training.affinity.sources.product_similarity import ProductSimilarity

POPULAR: Final = "popular now"
REASONS: Final = {
    "popularity": POPULAR,
    "popular_lately": POPULAR,
    "popular_next": "what customers often buy at this point",
    "popular_in_place": "popular where you are",
    "matrix_factorisation": "bought by customers with similar purchases",
    "product_similarity": "bought by customers with similar purchases",
    "bought_together": "often bought together with what you buy",
    "bought_next": "often bought next",
    "similar_customers": "bought by customers with similar purchases",
    "favourites": "from the categories and brands you buy most",
    "same_line": "another of a kind you bought",
    "looked_at": "looked at, not bought yet",
    "new_products": "new, of a kind you buy",
}
LIKENESS: Final = ("matrix_factorisation", "product_similarity", "bought_together", "bought_next", "similar_customers")
_TIMES: Final = {1: "once", 2: "twice"}
LEAST_GAP_DAYS: Final = 2
LEAST_FOR_RHYTHM: Final = 3  # purchase days, from which a customer has a usual gap


@dataclass(frozen=True)
class Recommendation:
    """A product, its score (ranks, no probability), the source that says most for it, and why.

    `because_of` is the customer's own product that led to it, None where there is none; `because` names that product by its id.
    """

    product_id: str
    score: float
    source: str
    because: str
    because_of: str | None = None


def explained(column: int, score: float, source: str, asked: Asked, recall: Recall) -> Recommendation:
    """One recommendation for the one customer in `asked`."""
    because, of = _reason(column, source, asked, recall)
    ids = recall.range.product_ids
    return Recommendation(str(ids[column]), score, source, because, None if of is None else str(ids[of]))


def bought_together(product_id: str) -> str:
    """The reason for a product that is like another one."""
    return f"often bought together with {product_id}"


def repeated(days: list[int], *, verb: str = "bought") -> str:
    """How often, how regularly and when last: bought 4 times, usually every 30 days, last on 2025-03-01. `days` since 1970, ascending."""
    often = f"{verb} {_TIMES.get(len(days), f'{len(days)} times')}"
    gap = median(later - earlier for earlier, later in pairwise(days)) if len(days) >= LEAST_FOR_RHYTHM else 0
    usual = f", usually every {round(gap)} days" if gap >= LEAST_GAP_DAYS else ""
    return f"{often}{usual}, last on {on(days[-1])}"


def on(day: int) -> str:
    """A day since 1970 as a date."""
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


def _reason(column: int, source: str, asked: Asked, recall: Recall) -> tuple[str, int | None]:
    own = asked.bought.day[asked.bought.product == column]
    if len(own):
        return repeated(own.tolist()), column
    if source not in LIKENESS:
        return REASONS.get(source, POPULAR), None
    closest = _closest(column, asked, recall)
    if closest is None:
        return REASONS[source], None
    last = int(asked.bought.day[asked.bought.product == closest].max())
    return f"{bought_together(str(recall.range.product_ids[closest]))}, bought on {on(last)}", closest


def _closest(column: int, asked: Asked, recall: Recall) -> int | None:
    """The customer's product most like this one; None where none of theirs is among its neighbours."""
    own = asked.pairs.column
    likeness = np.zeros(len(own))
    for source in recall.sources:
        if isinstance(source, ProductSimilarity | BoughtTogether):
            likeness = likeness + nearness(own, column, source.near)
    return int(own[likeness.argmax()]) if likeness.max(initial=0.0) > 0.0 else None
