"""What personas are made of: a few features that people can read, measured so that neither outliers nor lone orders decide; data in traits.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.quick_yaml import read_yaml
from training.matrix import Features, column

Floats = NDArray[np.float64]
TRAITS: Final = Path(__file__).with_name("traits.yaml")
HELD: Final = 3.0  # a share counts as if this many orders of the shop's average customer stood beside the customer's own
FURTHEST: Final = 3.0  # scaled values beyond this are taken as this
MOST_MISSING: Final = 0.5  # a trait that more customers lack says more about the data than about them


@dataclass(frozen=True)
class Scaling:
    """How traits become coordinates: the names, the shop's middle and spread of each, and each one's weight."""

    names: tuple[str, ...]
    middles: tuple[float, ...]
    spreads: tuple[float, ...]

    def apply(self, features: Features) -> Floats:
        """The coordinates of every row (row x trait): distance from the middle in spreads, times the trait's weight; unknown is the middle."""
        z = (_measured(features, self.names, np.array(self.middles)) - self.middles) / self.spreads
        weights = [traits()[name]["weight"] for name in self.names]
        return np.asarray(np.clip(np.nan_to_num(z), -FURTHEST, FURTHEST) * weights)

    def to_json(self) -> dict[str, list[Any]]:
        """Plain data that `from_json` reads."""
        return {"names": list(self.names), "middles": list(self.middles), "spreads": list(self.spreads)}

    @classmethod
    def from_json(cls, read: Mapping[str, Any]) -> Self:
        """The scaling that `to_json` wrote."""
        return cls(tuple(read["names"]), tuple(read["middles"]), tuple(read["spreads"]))


def scaling(features: pd.DataFrame) -> Scaling:
    """The scaling of customers who bought: medians and spreads (of the middle 80 %, or the standard deviation where most are alike).

    Traits that are the same for everybody, or unknown of most, are left out.
    """
    found = []
    for name in traits():
        values = _measured(features, (name,), np.array([np.nan]))[:, 0]
        known = values[np.isfinite(values)]
        if len(known) < MOST_MISSING * len(values) or not len(known) or known.std() < 1e-9:
            continue
        middle = float(np.median(known)) if traits()[name]["measure"] == "log" else float(known.mean())
        held = _measured(features, (name,), np.array([middle]))[:, 0]
        low, high = np.nanquantile(held, [0.1, 0.9])
        found.append((name, middle, float(max((high - low) / 2.563, 0.5 * np.nanstd(held)))))  # 2.563: those quantiles of a normal law
    names, middles, spreads = zip(*found, strict=True) if found else ((), (), ())
    return Scaling(names, middles, spreads)


@cache
def traits() -> Mapping[str, Mapping[str, Any]]:
    """The traits of traits.yaml, by feature."""
    read: dict[str, dict[str, Any]] = read_yaml(TRAITS.read_text(encoding="utf-8"))
    return read


def _measured(features: Features, names: tuple[str, ...], means: Floats) -> Floats:
    """Logarithms, and shares held to the shop's means where these are known (row x trait)."""
    orders = np.nan_to_num(column(features, "order_day_count"))
    columns = []
    for name, mean in zip(names, means, strict=True):
        values = column(features, name)
        if traits()[name]["measure"] == "log":
            columns.append(np.log1p(np.maximum(values, 0.0)))
        else:
            columns.append(values if np.isnan(mean) else (orders * values + HELD * mean) / (orders + HELD))
    return np.column_stack(columns) if columns else np.zeros((len(features), 0))
