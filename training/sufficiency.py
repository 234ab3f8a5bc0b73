"""Whether enough is known of a customer to rely on their scores."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

FEW_DAYS: Final = 30
NO_PURCHASE_WHY: Final = "No purchase of this customer is known, only returns or fees."
SINGLE_WHY: Final = f"A single purchase, less than {FEW_DAYS} days ago, is all that is known."


def too_little(features: pd.DataFrame) -> pd.Series:
    """Which rows are known by too little: no purchase at all, or a single purchase day less than FEW_DAYS ago."""
    return _never(features) | _single(features)


def whys(features: pd.DataFrame, lacks: Sequence[str] = ()) -> pd.Series:
    """The same as a sentence per row, after what the shop's data lack (training.minimum); missing where both are enough."""
    own = np.select([_never(features), _single(features)], [NO_PURCHASE_WHY, SINGLE_WHY], default="")
    shop = " ".join(lacks)
    said = pd.Series(own, index=features.index, dtype="str")
    joined = (shop + " " + said).str.strip() if shop else said
    return joined.mask(joined == "")


def why_too_little(values: Mapping[str, float], lacks: Sequence[str] = ()) -> str | None:
    """The same of one customer's features; None where they rest on enough."""
    if not values["order_day_count"] >= 1:
        own = [NO_PURCHASE_WHY]
    elif values["order_day_count"] == 1 and values["customer_age_days"] < FEW_DAYS:
        own = [SINGLE_WHY]
    else:
        own = []
    return " ".join([*lacks, *own]) or None


def _never(features: pd.DataFrame) -> pd.Series:
    return ~(features["order_day_count"] >= 1)


def _single(features: pd.DataFrame) -> pd.Series:
    return (features["order_day_count"] == 1) & (features["customer_age_days"] < FEW_DAYS)
