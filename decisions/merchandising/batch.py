"""The lists of many customers, arranged as one list alone is."""

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from decisions.merchandising.admission import admit
from decisions.merchandising.arrange import PINNED, UNRANKED, Likeness, arrange
from decisions.merchandising.exclusions import NOTHING_WITHHELD, Exclusions
from decisions.merchandising.plan import Plan
from decisions.merchandising.product_range import Ints
from decisions.merchandising.reasons import Removed
from features.contract import CUSTOMER_ID, PRODUCT_ID


def arrange_lists(
    plan: Plan, lists: pd.DataFrame, n: int, exclusions: Mapping[str, Exclusions], *, likeness: Likeness | None = None
) -> tuple[pd.DataFrame, Removed]:
    """What is shown of these lists, up to `n` products a customer, and what was left out of all of them together, by reason.

    `lists` has customer_id, product_id, rank, score, source and what else there is, sorted by customer and rank: `plan.depth(n)` candidates
    each, or more for those with `exclusions`. The answer has the same columns and order, with the rank as shown; scores stay the model's, so
    where rules rearrange they do not fall with the rank. A pinned product that was no candidate has the source `pinned` and no score.
    """
    rows: list[int] = []
    ranks: list[int] = []
    unranked: dict[int, str] = {}
    removed: Removed = Counter()
    names, scores = lists[PRODUCT_ID].tolist(), lists["score"].to_numpy(float)
    for customer_id, start, stop in _spans(lists):
        found = arrange(
            plan,
            names[start:stop],
            scores[start:stop],
            n,
            exclusions=exclusions.get(customer_id, NOTHING_WITHHELD),
            likeness=likeness,
        )
        removed.update(found.removed)
        for position, place in enumerate(found.places):
            if place == UNRANKED:
                unranked[len(rows)] = found.product_ids[position]
            rows.append(start + max(place, 0))
            ranks.append(position + 1)
    return _shown(lists, np.asarray(rows, np.int64), np.asarray(ranks, np.int64), unranked), removed


def admitted_counts(plan: Plan, lists: pd.DataFrame, exclusions: Mapping[str, Exclusions]) -> pd.Series:
    """How many of their candidates each customer may be shown, by customer_id: to know whose list needs deeper ones."""
    names = lists[PRODUCT_ID].tolist()
    spans = _spans(lists)
    return pd.Series(
        {who: len(admit(plan, names[a:b], exclusions.get(who, NOTHING_WITHHELD)).places) for who, a, b in spans}, dtype="int64"
    )


def _spans(lists: pd.DataFrame) -> Iterator[tuple[str, int, int]]:
    """customer_id, first row and the row behind the last of each list."""
    customer = lists[CUSTOMER_ID].to_numpy(object)
    starts = np.flatnonzero(np.concatenate([[True], customer[1:] != customer[:-1]])) if len(customer) else np.zeros(0, np.int64)
    for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(customer)], strict=False):
        yield str(customer[start]), start, stop


def _shown(lists: pd.DataFrame, rows: Ints, ranks: Ints, unranked: Mapping[int, str]) -> pd.DataFrame:
    shown = lists.iloc[rows].reset_index(drop=True).assign(rank=ranks)
    if unranked:
        at = list(unranked)
        shown.loc[at, PRODUCT_ID] = list(unranked.values())
        shown.loc[at, "source"] = PINNED
        shown.loc[at, "score"] = np.nan
    return shown
