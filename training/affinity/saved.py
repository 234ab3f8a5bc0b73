"""A saved model as a function, for workers that read it where they run."""

from pathlib import Path
from typing import Any

import pandas as pd

from training.affinity.model import AffinityModel


def recommend_saved(purchases: pd.DataFrame, *, folder: Path, n: int, **options: Any) -> pd.DataFrame:
    """What the model saved in `folder`, which the workers must see, recommends to everybody in `purchases`.

    Columns and `options` are those of AffinityModel.recommend.
    """
    return AffinityModel.load(folder).recommend(purchases, n, **options)
