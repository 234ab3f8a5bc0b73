"""Whether enough is known of a customer to rely on their scores."""

from collections.abc import Mapping
from typing import Final

import pandas as pd

FEW_DAYS: Final = 30


def too_little(features: pd.DataFrame) -> pd.Series:
    """Which rows are known by too little: no purchase at all, or a single purchase day less than FEW_DAYS ago."""
    days = features["order_day_count"].fillna(0.0)
    return (days < 1) | ((days == 1) & (features["customer_age_days"] < FEW_DAYS))


def why_too_little(values: Mapping[str, float]) -> str | None:
    """The same of one customer's features, as a sentence; None where they rest on enough."""
    if not values["order_day_count"] >= 1:
        return "No purchase of this customer is known, only returns or fees."
    if values["order_day_count"] == 1 and values["customer_age_days"] < FEW_DAYS:
        return f"A single purchase, less than {FEW_DAYS} days ago, is all that is known."
    return None
