"""Whether a shop has enough data for models that can be relied on, and what it lacks, in sentences; the thresholds are data: minimum.yaml."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import pandas as pd

from features.quick_yaml import read_yaml

THRESHOLDS: Final = Path(__file__).with_name("minimum.yaml")


@dataclass(frozen=True)
class Amount:
    """How much there is of one thing, how much is needed, and what else its sentence names."""

    there: int
    needed: int
    names: Mapping[str, object]


def shop_lacks(panel: pd.DataFrame, current: pd.DataFrame, horizon_days: int) -> tuple[str, ...]:
    """What the shop's data lack, one sentence each: what is there, what is needed, and what to do; empty where they are enough.

    `panel` is what churn learns from (features.training_sets.churn_panel, with `churned`), `current` everybody's features at the same time.
    """
    amounts = _amounts(panel, current, horizon_days)
    return tuple(_said(str(_thresholds()[name]["says"]), amount) for name, amount in amounts.items() if amount.there < amount.needed)


def _amounts(panel: pd.DataFrame, current: pd.DataFrame, horizon_days: int) -> dict[str, Amount]:
    needed = {name: int(row["horizons"] * horizon_days if "horizons" in row else row["at_least"]) for name, row in _thresholds().items()}
    bought = current["order_day_count"].fillna(0.0)
    ages = current["customer_age_days"].dropna()
    left = int(panel["churned"].sum())
    stayed = len(panel) - left
    kind, change = ("bought nothing", "fewer") if left <= stayed else ("bought again", "more")
    there = {
        "customers": int((bought >= 1).sum()),
        "repeat_buyers": int((bought >= 2).sum()),
        "history_days": int(ages.max()) if len(ages) else 0,
        "rarer_outcomes": min(left, stayed),
    }
    names = {"horizon": horizon_days, "rows": f"{len(panel):,}", "kind": kind, "change": change}
    return {name: Amount(there[name], needed[name], names) for name in there}


def _said(text: str, amount: Amount) -> str:
    filled = text.format(there=f"{amount.there:,}", needed=f"{amount.needed:,}", **amount.names)
    return re.sub(r"\[(.*?)\|(.*?)\]", r"\1" if amount.there == 1 else r"\2", filled)


@cache
def _thresholds() -> Mapping[str, Mapping[str, Any]]:
    read: dict[str, dict[str, Any]] = read_yaml(THRESHOLDS.read_text(encoding="utf-8"))
    return read
