"""Which candidates of one list may stand in it, before anything is arranged."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from decisions.merchandising.exclusions import Exclusions
from decisions.merchandising.plan import Plan
from decisions.merchandising.product_range import Ints
from decisions.merchandising.reasons import MAY_BE_SHOWN, REASONS, Reason, Removed


@dataclass(frozen=True)
class Admitted:
    """The candidates (best first) with their rows in the range; the places of those that may be shown; the others, counted."""

    product_ids: Sequence[str]
    rows: Ints
    places: list[int]
    removed: Removed


def admit(plan: Plan, product_ids: Sequence[str], exclusions: Exclusions) -> Admitted:
    """Leaves out what the plan hides, what is withheld from this list, and what stands among the candidates already."""
    rows = plan.products.rows(product_ids)
    codes = plan.reasons[rows]
    if exclusions.empty and not codes.any() and len(set(product_ids)) == len(product_ids):
        return Admitted(product_ids, rows, list(range(len(product_ids))), Counter())
    withheld = Withheld(plan, exclusions)
    places: list[int] = []
    removed: Removed = Counter()
    for place, (product_id, row, code) in enumerate(zip(product_ids, rows.tolist(), codes.tolist(), strict=True)):
        reason = REASONS[code - 1] if code != MAY_BE_SHOWN else withheld.why(product_id, row)
        if reason is None:
            places.append(place)
        else:
            removed[reason] += 1
    return Admitted(product_ids, rows, places, removed)


class Withheld:
    """Why a product is not for this list, although others may see it."""

    def __init__(self, plan: Plan, exclusions: Exclusions) -> None:
        self._exclusions = exclusions
        self._category = plan.products.category
        self._excluded = plan.products.within(exclusions.categories).tolist() if exclusions.categories else None
        self._seen = set(exclusions.shown)

    def why(self, product_id: str, row: int) -> Reason | None:
        """The reason, or None for one that may be shown: once, the next time it is a duplicate."""
        if product_id in self._exclusions.product_ids or (self._excluded and self._excluded[int(self._category[row])]):
            return "excluded_for_customer"
        if product_id in self._exclusions.bought:
            return "already_bought"
        if product_id in self._seen:
            return "duplicate"
        self._seen.add(product_id)
        return None
