"""Which products to show somebody: what the affinity model ranks, or what they and others bought, as the shop's rules arrange it."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from decisions.merchandising import PINNED, UNRANKED, Exclusions, Reason, Removed, arrange
from decisions.merchandising.exclusions import NOTHING_WITHHELD
from decisions.named_affinity import NamedAffinity, Suggestion
from decisions.taste import Taste
from serving.fallbacks import Fallback
from serving.offering import Shelf
from serving.withheld import withheld
from training.affinity.model import AffinityModel

OWN_PURCHASES: Final = "own_purchases"
MOST_BOUGHT: Final = "popular"
_TOO_MUCH: Final[tuple[Reason, ...]] = ("category_cap", "brand_cap")


@dataclass(frozen=True)
class Found:
    """A list, best first. `fallback` says why it is not the model's for this customer, None where it is; `removed` counts what is left out."""

    products: Sequence[Suggestion]
    fallback: Fallback | None
    removed: Removed


@dataclass(frozen=True)
class Wanted:
    """How many products, and what is withheld from this list. Exclusions hold what they bought only where `exclude_purchased`."""

    limit: int
    exclusions: Exclusions = NOTHING_WITHHELD
    exclude_purchased: bool = False


def recommend(known: Taste, wanted: Wanted, shelf: Shelf, model: AffinityModel | None, now: datetime, *, is_known: bool) -> Found:
    """The best products for somebody of this taste, fewer than wanted only where no more may be shown."""
    depth = shelf.plan.depth(wanted.limit)
    if model is None:
        ranked = _own(known, shelf, wanted)
    else:
        named = NamedAffinity(model, shelf.plan, shelf.shop.name_of, wanted.exclusions)
        ranked = named.recommend_one(known.signals, now, depth, exclude_purchased=wanted.exclude_purchased)
    found = arranged(_filled(ranked, depth, shelf, wanted.exclusions), wanted, shelf, model)
    removed = shelf.plan.removed + withheld(shelf.plan, wanted.exclusions) + found.removed
    return Found(found.products, _why(known, found.products, ranked, shelf, model, is_known=is_known), removed)


def _why(
    known: Taste, shown: Sequence[Suggestion], ranked: Sequence[Suggestion], shelf: Shelf, model: AffinityModel | None, *, is_known: bool
) -> Fallback | None:
    """Why the list is not the model's for this customer."""
    if not shown:
        return nothing_shown(shelf)
    if model is None:
        return "no_model"
    if known.signals.empty:
        return "no_history" if is_known else "unknown_customer"
    if not model.knows(known.product_ids):
        return "unknown_products"
    return None if ranked else "new_products"


def nothing_shown(shelf: Shelf) -> Fallback:
    """Why a list is empty."""
    return "nothing_left_after_filters" if shelf.plan.products.product_ids else "empty_range"


def _own(known: Taste, shelf: Shelf, wanted: Wanted) -> list[Suggestion]:
    """What they bought most often."""
    if wanted.exclude_purchased:
        return []
    own = Counter(product_id for product_id, _, quantity in known.signals.purchases if quantity > 0).most_common()
    shown = shelf.plan.may_be_shown[shelf.plan.products.rows(product_id for product_id, _ in own)]
    return [
        Suggestion(product_id, float(count), OWN_PURCHASES, known.often(product_id), product_id)
        for (product_id, count), may_be in zip(own, shown.tolist(), strict=True)
        if may_be
    ]


def _filled(ranked: list[Suggestion], depth: int, shelf: Shelf, exclusions: Exclusions) -> list[Suggestion]:
    """What is ranked, and after it what is bought most, until there is enough to choose from; scores do not rise."""
    missing = depth - len(ranked)
    if missing <= 0:
        return ranked
    held_back = {*(each.product_id for each in ranked), *exclusions.product_ids, *exclusions.bought, *exclusions.shown}
    most = min((each.score for each in ranked if each.score is not None), default=math.inf)
    more = shelf.most_bought(missing, held_back, categories=exclusions.categories)
    return [*ranked, *(Suggestion(name, min(most, float(count)), MOST_BOUGHT, in_words(count)) for name, count in more)]


def in_words(buyers: int) -> str:
    """Why a product is shown that so many bought, to somebody of whom nothing speaks for it."""
    return "bought by many" if buyers else "new, or not bought yet"


def arranged(candidates: Sequence[Suggestion], wanted: Wanted, shelf: Shelf, model: AffinityModel | None) -> Found:
    """The candidates as the shop's rules arrange them; of what is removed, what is too much of one kind."""
    names, scores = [each.product_id for each in candidates], [each.score or 0.0 for each in candidates]
    likeness = None if model is None else model.likeness
    made = arrange(shelf.plan, names, scores, wanted.limit, exclusions=wanted.exclusions, likeness=likeness)
    shown = [
        Suggestion(name, None, PINNED, "chosen by the shop") if place == UNRANKED else candidates[place]
        for name, place in zip(made.product_ids, made.places, strict=True)
    ]
    return Found(shown, None, Counter({reason: count for reason, count in made.removed.items() if reason in _TOO_MUCH}))
