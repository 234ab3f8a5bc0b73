"""Recommendations for every customer at once."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.affinity.model import AffinityModel


def affinity_scores(
    model: AffinityModel, purchases: pd.DataFrame, top: int, *, exclude_purchased: bool = False, offered: NDArray[np.bool_] | None = None
) -> pd.DataFrame:
    """customer_id, product_id, rank (1 is best), score, source and model_version: the first `top` products of every customer in `purchases`.

    Sorted by customer and rank. `purchases` (features.interactions.purchases) is cut at the time of scoring, which may be later than the
    model's as_of. `offered` is a mask over the model's range (AffinityModel.offered); None shows all of it.
    """
    lists = model.recommend(purchases, top, exclude_purchased=exclude_purchased, offered=offered)
    return lists.assign(model_version=pd.Series([model.version] * len(lists), dtype="str", index=lists.index))
