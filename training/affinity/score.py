"""Recommendations for every customer at once."""

import pandas as pd

from training.affinity.model import AffinityModel


def affinity_scores(
    model: AffinityModel, purchases: pd.DataFrame, top: int, *, exclude_purchased: bool = False, allowed: set[str] | None = None
) -> pd.DataFrame:
    """customer_id, product_id, rank (1 is best), score, source and model_version: the first `top` products of every customer in `purchases`.

    Sorted by customer and rank. `purchases` (features.interactions.purchases) is cut at the time of scoring, which may be later than the
    model's as_of. `allowed` keeps to products that may be shown; None shows the whole range.
    """
    lists = model.recommend(purchases, top, exclude_purchased=exclude_purchased, allowed=allowed)
    return lists.assign(model_version=pd.Series([model.version] * len(lists), dtype="str", index=lists.index))
