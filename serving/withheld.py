"""What is withheld from one list of all that others may see, counted by reason."""

from collections import Counter

import numpy as np

from decisions.merchandising import Exclusions, Plan, Reason, Removed


def withheld(plan: Plan, exclusions: Exclusions) -> Removed:
    """How many products of the range this list must not have, each for the first reason that holds; nothing that nobody may see."""
    if exclusions.empty:
        return Counter()
    left = plan.may_be_shown[:-1].copy()
    removed: Removed = Counter()
    if exclusions.categories:
        excluded = left & plan.products.within(exclusions.categories)[plan.products.category[:-1]]
        removed["excluded_for_customer"] += int(np.count_nonzero(excluded))
        left &= ~excluded
    named: tuple[tuple[Reason, frozenset[str]], ...] = (
        ("excluded_for_customer", frozenset(exclusions.product_ids)),
        ("already_bought", frozenset(exclusions.bought)),
        ("duplicate", frozenset(exclusions.shown)),
    )
    for reason, product_ids in named:
        rows = plan.products.rows(product_ids)
        rows = rows[rows >= 0]
        removed[reason] += int(np.count_nonzero(left[rows]))
        left[rows] = False
    return +removed
