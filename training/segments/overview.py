"""Groups of customers side by side: how many there are in each, how recent, how often, for how much, and how likely to leave."""

from collections.abc import Sequence

import pandas as pd

COLUMNS = ("group", "customers", "share", "days_since_last_order", "orders", "value", "value_share", "churn_probability")


def overview(features: pd.DataFrame, groups: pd.Series, probability: pd.Series | None, order: Sequence[str]) -> pd.DataFrame:
    """COLUMNS, one row per group that has customers, in `order`, groups that it does not name last.

    customers and share count; days_since_last_order, orders (purchase days) and value (spent so far) are medians; value_share is the group's part of what
    all spent (missing where that is nothing); churn_probability is the mean, missing without `probability`. Rows without a group are left out.
    """
    table = pd.DataFrame(
        {
            "group": groups,
            "days_since_last_order": features["days_since_last_order"],
            "orders": features["order_day_count"],
            "value": features["value_total"],
            "churn_probability": float("nan") if probability is None else probability,
        }
    ).dropna(subset="group")
    grouped = table.groupby("group")
    found = grouped[["days_since_last_order", "orders", "value"]].median()
    found["customers"] = grouped.size()
    found["share"] = found["customers"] / max(len(table), 1)
    spent = float(table["value"].sum())
    found["value_share"] = grouped["value"].sum() / (spent if spent > 0 else float("nan"))
    found["churn_probability"] = grouped["churn_probability"].mean()
    named = [name for name in order if name in found.index]
    return found.loc[[*named, *(name for name in found.index if name not in named)]].reset_index()[list(COLUMNS)]
