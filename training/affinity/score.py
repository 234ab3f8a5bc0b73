"""Recommendations for every customer at once."""

from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.interaction_tables import Interactions
from training.affinity.model import AffinityModel


def affinity_scores(
    model: AffinityModel,
    known: Interactions,
    top: int,
    *,
    as_of: datetime | None = None,
    exclude_purchased: bool = False,
    offered: NDArray[np.bool_] | None = None,
) -> pd.DataFrame:
    """customer_id, product_id, rank (1 is best), score, source and model_version: the first `top` products of everybody who bought anything.

    Sorted by customer and rank. `known` (features.interactions.interactions) is cut at the time of scoring, `as_of`, which may be later than
    the model's own. `offered` is a mask over the model's range (AffinityModel.offered); None shows all of it.
    """
    lists = model.recommend(known, top, as_of=as_of, exclude_purchased=exclude_purchased, offered=offered)
    return lists.assign(model_version=pd.Series([model.version] * len(lists), dtype="str", index=lists.index))
