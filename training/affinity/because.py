"""One recommendation and the reason for it, in words a shopper would accept."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from training.affinity.history import UNKNOWN, PurchaseDays
from training.affinity.recall import MATRIX_FACTORISATION, PERSONAL_FREQUENCY, PRODUCT_SIMILARITY, Recall

POPULAR = "popular now"
_TIMES = {1: "once", 2: "twice"}


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


def explained(column: int, score: float, source: str, days: PurchaseDays, recall: Recall) -> Recommendation:
    """One recommendation for the one customer in `days`."""
    because, of = _reason(column, source, days, recall)
    ids = recall.product_ids
    return Recommendation(str(ids[column]), score, source, because, None if of is None else str(ids[of]))


def bought_together(product_id: str) -> str:
    """The reason for a product that is like another one."""
    return f"often bought together with {product_id}"


def _reason(column: int, source: str, days: PurchaseDays, recall: Recall) -> tuple[str, int | None]:
    if source == PERSONAL_FREQUENCY:
        own = days.day[days.product == column]
        return f"bought {_TIMES.get(len(own), f'{len(own)} times')}, last on {_on(int(own.max()))}", column
    if source not in (MATRIX_FACTORISATION, PRODUCT_SIMILARITY):
        return POPULAR, None
    closest = _closest(column, days, recall)
    if closest is None:
        return "bought by customers with similar purchases", None
    last = int(days.day[days.product == closest].max())
    return f"{bought_together(str(recall.product_ids[closest]))}, bought on {_on(last)}", closest


def _closest(column: int, days: PurchaseDays, recall: Recall) -> int | None:
    """The customer's product most like this one; None where none of theirs is among its neighbours."""
    bought = np.unique(days.product[(days.product != UNKNOWN) & (days.product != column)])
    likeness = recall.near[bought, column].toarray().ravel() if len(bought) else np.zeros(0)
    return int(bought[likeness.argmax()]) if likeness.max(initial=0.0) > 0.0 else None


def _on(day: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()
