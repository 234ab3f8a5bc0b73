"""Products that go with a product: like it, or bought together with it."""

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Final, Literal

from decisions.merchandising import Exclusions
from decisions.named_affinity import Suggestion
from serving.fallbacks import Fallback
from serving.offering import Shelf
from serving.recommending import MOST_BOUGHT, Found, Wanted, arranged, in_words, nothing_shown
from training.affinity.because import Recommendation
from training.affinity.model import AffinityModel

How = Literal["similar", "together"]
_ASK: Final[Mapping[How, Callable[..., list[Recommendation]]]] = {
    "similar": AffinityModel.similar,
    "together": AffinityModel.together,
}


def related(product_id: str, how: How, limit: int, shelf: Shelf, model: AffinityModel | None) -> Found:
    """Products that go with this one, never itself; what is bought most of its category where the model knows none."""
    alone = Exclusions(shown=frozenset([product_id]))
    ranked: Sequence[Suggestion] = []
    if model is not None:
        found = _ASK[how](model, product_id, shelf.plan.depth(limit), offered=shelf.plan.offered_to(alone))
        name = shelf.shop.name_of(product_id)
        ranked = [Suggestion(each.product_id, each.score, each.source, _named(each, name), each.because_of) for each in found]
    why = None if ranked else _why(product_id, model)
    made = arranged(ranked or _beside(product_id, shelf.plan.depth(limit), shelf), Wanted(limit, alone), shelf, model)
    return Found(made.products, why if made.products else nothing_shown(shelf), shelf.plan.removed + made.removed)


def _named(found: Recommendation, name: str) -> str:
    """The model's words, which end with the product's id, with its name."""
    own = found.because_of or ""
    return found.because.removesuffix(own) + name if own and found.because.endswith(own) else found.because


def _why(product_id: str, model: AffinityModel | None) -> Fallback:
    """Why the model says nothing about this product."""
    if model is None:
        return "no_model"
    return "no_history" if model.offered([product_id]).any() else "unknown_products"


def _beside(product_id: str, at_most: int, shelf: Shelf) -> list[Suggestion]:
    """What is bought most of the same category, and then of the rest; scores do not rise."""
    more = shelf.most_bought(at_most, {product_id}, first=product_id)
    falling = accumulate((float(count) for _, count in more), min)
    return [Suggestion(name, score, MOST_BOUGHT, in_words(count)) for (name, count), score in zip(more, falling, strict=True)]
