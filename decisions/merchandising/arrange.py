"""From what the model ranks to what is shown: boosts, diversity, caps and pins, with every product that is left out counted."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from decisions.merchandising.admission import Admitted, Withheld, admit
from decisions.merchandising.caps import Tally
from decisions.merchandising.diversity import ByMarginalRelevance, ByRelevance, Order, likeness_by_kind, relevance
from decisions.merchandising.exclusions import NOTHING_WITHHELD, Exclusions
from decisions.merchandising.plan import Plan
from decisions.merchandising.product_range import Ints
from decisions.merchandising.reasons import Reason, Removed

Likeness = Callable[[Sequence[str]], NDArray[np.float32]]
"""product_ids -> (n, n), 0 to 1: how alike products are to shoppers (AffinityModel.likeness)."""

UNRANKED: Final = -1
"""Stands for the place of a pinned product that is none of the candidates."""

PINNED: Final = "pinned"
"""The source of a pinned product that is none of the candidates; it has no score."""


@dataclass(frozen=True)
class Arranged:
    """One list, as it is shown.

    `places` has for each of the `product_ids` its place among the candidates (0 is the first), UNRANKED for a pinned product that is none
    of them; `pinned` holds the positions in this list (0 is the first) of the pinned products. `removed` counts the candidates that were
    left out, `left` is how many more would have been there for a longer list. Every candidate is shown, removed or left.
    """

    product_ids: Sequence[str]
    places: Sequence[int]
    pinned: tuple[int, ...] = ()
    removed: Removed = field(default_factory=Counter)
    left: int = 0


def arrange(
    plan: Plan,
    product_ids: Sequence[str],
    scores: Sequence[float] | NDArray[np.floating],
    n: int,
    *,
    exclusions: Exclusions = NOTHING_WITHHELD,
    likeness: Likeness | None = None,
) -> Arranged:
    """The `n` products to show of these candidates: best first, with finite scores of no unit; ask the model for `plan.depth(n)` of them.

    Candidates that may not be shown, are withheld, or stand there twice are left out. Relevance (diversity.relevance) times boosts gives
    the order, maximal marginal relevance makes it diverse by `likeness` (by category and brand without one), caps leave out what is too
    much of one kind, pins included, and pinned products take their positions; where a list is too short for a position, the pin moves up.
    Without rules the candidates stay as they are.
    """
    given = admit(plan, product_ids, exclusions)
    if plan.idle:
        kept = given.places[:n]
        return Arranged([product_ids[place] for place in kept], kept, (), given.removed, len(given.places) - len(kept))
    tally = Tally(plan.rules.caps.category, plan.rules.caps.brand)
    pins, capped = _own_pins(plan, n, exclusions, tally)
    off_order = {*pins.values(), *capped}
    rest = [place for place in given.places if int(given.rows[place]) not in off_order]
    order = _order(plan, given, rest, np.asarray(scores, np.float64), list(pins.values()), likeness)
    chosen, over = _chosen(plan, order, given.rows[rest], n - len(pins), tally)
    ranked_at = {int(given.rows[place]): place for place in given.places}
    removed = given.removed + Counter(reason for row, reason in capped.items() if row in ranked_at) + over
    shown = _merged(pins, [rest[each] for each in chosen], ranked_at, n)
    names = [product_ids[place] if row is None else plan.products.product_ids[row] for place, row in shown]
    pinned = tuple(position for position, (_, row) in enumerate(shown) if row is not None)
    return Arranged(names, [place for place, _ in shown], pinned, removed, len(rest) - len(chosen) - over.total())


def _own_pins(plan: Plan, n: int, exclusions: Exclusions, tally: Tally) -> tuple[dict[int, int], dict[int, Reason]]:
    """position -> row of the pins that this list takes, now counted in the tally; and row -> reason of those that are over a cap."""
    pins: dict[int, int] = {}
    capped: dict[int, Reason] = {}
    withheld = Withheld(plan, exclusions)
    for position, row in plan.pins.items():
        if position > n or withheld.why(plan.products.product_ids[row], row) is not None:
            continue
        kind = int(plan.category_caps[row]), int(plan.products.brand[row])
        if (over := tally.over(*kind)) is not None:
            capped[row] = over
        else:
            tally.add(*kind)
            pins[position] = row
    return pins, capped


def _order(
    plan: Plan, given: Admitted, places: list[int], scores: NDArray[np.float64], pinned: list[int], likeness: Likeness | None
) -> Order:
    """The candidates at these places, to be taken one by one into a list in which the pinned rows stand."""
    rows = given.rows[places]
    relevant = relevance(scores[places])
    if plan.factors is not None:
        relevant *= plan.factors[rows]
    if plan.rules.diversity == 0:
        return ByRelevance(relevant)
    if likeness is None:
        alike = likeness_by_kind(plan.products, np.concatenate([np.asarray(pinned, np.int64), rows]))
    else:
        alike = likeness([*(plan.products.product_ids[row] for row in pinned), *(given.product_ids[place] for place in places)])
    beside, between = alike[: len(pinned), len(pinned) :], alike[len(pinned) :, len(pinned) :]
    return ByMarginalRelevance(relevant, between, plan.rules.diversity, beside)


def _chosen(plan: Plan, order: Order, rows: Ints, n: int, tally: Tally) -> tuple[list[int], Removed]:
    """The first `n` in this order that no cap keeps out; and what caps kept out before the list was full."""
    chosen: list[int] = []
    kept_out: list[tuple[int, Reason]] = []
    categories, brands = plan.category_caps[rows].tolist(), plan.products.brand[rows].tolist()
    while len(chosen) < n and (candidate := order.best_left()) is not None:
        kind = categories[candidate], brands[candidate]
        if (over := tally.over(*kind)) is not None:
            kept_out.append((candidate, over))
            continue
        tally.add(*kind)
        order.choose(candidate)
        chosen.append(candidate)
    filling = kept_out[: n - len(chosen)] if plan.rules.fill else []
    chosen.extend(candidate for candidate, _ in filling)
    return chosen, Counter(reason for _, reason in kept_out[len(filling) :])


def _merged(pins: dict[int, int], chosen: list[int], ranked_at: dict[int, int], n: int) -> list[tuple[int, int | None]]:
    """(place among the candidates, pinned row or None) of every position: pins where they belong, or as near as the list is long."""
    waiting, others = sorted(pins), iter(chosen)
    shown: list[tuple[int, int | None]] = []
    for position in range(1, n + 1):
        place = None if position in pins else next(others, None)
        if place is not None:
            shown.append((place, None))
        elif waiting:
            row = pins[waiting.pop(0)]
            shown.append((ranked_at.get(row, UNRANKED), row))
    return shown
