"""The affinity model as people are shown what it ranks: of what may be shown to them, with reasons that call products by their names."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Self

from decisions.actions import ProductScope
from decisions.merchandising import Exclusions, Plan
from decisions.merchandising.exclusions import NOTHING_WITHHELD
from decisions.product_scope import scope_mask
from decisions.taste import Taste
from training.affinity.because import Recommendation
from training.affinity.candidates import Mask
from training.affinity.model import AffinityModel
from training.affinity.signals import Signals

INTEREST_SOURCE: Final = "looked_at"
"""The model's source that reads interest, which a shop without events in its history has not."""


@dataclass(frozen=True)
class Suggestion:
    """One product for somebody: its score (higher is better, of no unit), where it came from, and why.

    `because` says it in words; `because_of` is the product of their own that led to it, None where none did. A product that the shop pinned
    and the model did not rank has no score.
    """

    product_id: str
    score: float | None
    source: str
    because: str
    because_of: str | None = None


@dataclass(frozen=True)
class NamedAffinity:
    """The affinity model for one customer, under a plan of what may be shown; `name_of` calls products, `scope` narrows what is asked for."""

    model: AffinityModel
    plan: Plan
    name_of: Callable[[str], str]
    exclusions: Exclusions = NOTHING_WITHHELD
    scope: ProductScope | None = None

    def within(self, scope: ProductScope) -> Self:
        """The same, asked for nothing but what this scope holds."""
        return replace(self, scope=scope)

    def recommend_one(self, signals: Signals, as_of: datetime, n: int, *, exclude_purchased: bool = False) -> list[Suggestion]:
        """What the model ranks best. Interest that stands in for purchases is not what `exclude_purchased` leaves out."""
        known = Taste(signals)
        stood_in = known.standing_in(reads_interest=self.model.recall.source(INTEREST_SOURCE) is not None)
        offered = self._offered()
        if stood_in:
            signals = Signals([*signals.purchases, *stood_in], signals.interest, signals.place)
            offered = _without(self.model.offered(known.bought), offered) if exclude_purchased else offered
            exclude_purchased = False
        found = self.model.recommend_one(signals, as_of, n, exclude_purchased=exclude_purchased, offered=offered)
        return self._in_words(found, known, {product_id for product_id, _, _ in stood_in})

    def _offered(self) -> Mask | None:
        offered = self.plan.offered_to(self.exclusions)
        if self.scope is None:
            return offered
        held = scope_mask(self.scope, self.plan.products)[: self.plan.products.ranked_count]
        return held if offered is None else offered & held

    def _in_words(self, found: Sequence[Recommendation], known: Taste, stood_in: set[str]) -> list[Suggestion]:
        return [
            Suggestion(
                each.product_id,
                each.score,
                INTEREST_SOURCE if each.product_id in stood_in else each.source,
                known.because(each, self.name_of, stood_in),
                each.because_of,
            )
            for each in found
        ]


def _without(bought: Mask, offered: Mask | None) -> Mask:
    return ~bought if offered is None else offered & ~bought
