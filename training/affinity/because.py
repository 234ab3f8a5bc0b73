"""One recommendation and the reason for it, in words a shopper would accept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from statistics import median
from typing import Final

import numpy as np

from training.affinity.asked import Asked
from training.affinity.history import Ints
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
STALE_GAPS: Final = 3  # usual gaps without the product, from which it is usual no more
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


def explained(columns: Ints, scores: Sequence[float], sources: Sequence[str], asked: Asked, recall: Recall) -> list[Recommendation]:
    """Recommendations for the one customer in `asked`; `recall` holds the sources that tell which products go together."""
    ids, days = recall.range.product_ids, _days(asked)
    alike = [column for column, source in zip(columns.tolist(), sources, strict=True) if source in LIKENESS and column not in days]
    closest = _closest(np.asarray(alike, np.int64), asked, recall) if alike else {}
    found = []
    for column, score, source in zip(columns.tolist(), scores, sources, strict=True):
        product_id, other = str(ids[column]), closest.get(column)
        if column in days:
            found.append(Recommendation(product_id, score, source, repeated(days[column], asked.day), product_id))
        elif other is None:
            found.append(Recommendation(product_id, score, source, REASONS.get(source, POPULAR)))
        else:
            near = str(ids[other])
            found.append(Recommendation(product_id, score, source, f"{bought_together(near)}, bought on {on(days[other][-1])}", near))
    return found


def bought_together(product_id: str) -> str:
    """The reason for a product that is like another one."""
    return f"often bought together with {product_id}"


def repeated(days: list[int], today: int) -> str:
    """How often, how regularly and when last: bought 4 times, usually every 30 days, last on 2025-03-01. `days` since 1970, ascending."""
    often = f"bought {_TIMES.get(len(days), f'{len(days)} times')}"
    gap = median(later - earlier for earlier, later in pairwise(days)) if len(days) >= LEAST_FOR_RHYTHM else 0
    usual = f", usually every {round(gap)} days" if gap >= LEAST_GAP_DAYS and today - days[-1] <= STALE_GAPS * gap else ""
    return f"{often}{usual}, last on {on(days[-1])}"


def on(day: int) -> str:
    """A day since 1970 as a date."""
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


def _days(asked: Asked) -> dict[int, list[int]]:
    """The days on which they bought each product, ascending."""
    days: dict[int, list[int]] = {}
    for column, day in zip(asked.bought.product.tolist(), asked.bought.day.tolist(), strict=True):
        days.setdefault(column, []).append(day)
    return days


def _closest(columns: Ints, asked: Asked, recall: Recall) -> dict[int, int]:
    """Of each column the customer's product most like it, equals by column; columns without any are left out."""
    own = asked.pairs.column
    likeness = np.zeros((len(own), len(columns)))
    for source in recall.sources:
        if isinstance(source, ProductSimilarity | BoughtTogether):
            likeness += nearness(own, columns, source.near)
    if not len(own):
        return {}
    best = likeness.argmax(axis=0)
    some = likeness[best, np.arange(len(columns))] > 0.0
    return dict(zip(columns[some].tolist(), own[best[some]].tolist(), strict=True))
