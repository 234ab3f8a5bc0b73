"""The value model: what a customer will order and spend within the horizon, and over a year, and when the next order is due.

Two views are averaged, because their mistakes differ: gradient-boosted trees on every feature (Tweedie for money, Poisson for orders), and
BG/NBD times Gamma-Gamma, which needs purchase days and amounts alone. With few customers the second stands alone.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contract import AS_OF
from features.learnable import learnable
from training import artifacts
from training.boosting import PARAMETERS, Boosted
from training.clv import bg_nbd, gamma_gamma
from training.clv.columns import recency_frequency_time
from training.clv.lifetime_value import YEARLY_DISCOUNT, year_multiple
from training.clv.next_order import days_to_next_order

Floats = NDArray[np.float64]
ROUNDS: Final = 150
LEAST_BUYERS: Final = 100  # panel rows with a purchase after the cut-off, below which no trees are grown
COLUMNS: Final = (
    "expected_spend",
    "expected_orders",
    "clv",
    "expected_next_order_on",
    "expected_next_order_from",
    "expected_next_order_until",
    "average_days_between_orders",
)


class ValueModel:
    """Expected orders and spend for one horizon; 0 `threads` takes all cores."""

    as_of: datetime
    horizon_days: int
    buying: bg_nbd.BGNBD
    spending: gamma_gamma.GammaGamma | None

    def __init__(self, *, feature_names: Sequence[str] | None = None, threads: int = 0) -> None:
        self._given = tuple(feature_names or ())
        self.feature_names = self._given
        self.threads = threads
        self.spend_trees: Boosted | None = None
        self.order_trees: Boosted | None = None
        self.metrics: dict[str, float] = {}
        self.data_hash = ""
        self.version: str | None = None

    def fit(self, panel: pd.DataFrame, *, as_of: datetime, horizon_days: int, current: pd.DataFrame | None = None) -> Self:
        """Learns from `panel` (features, as_of, future_value, future_order_count), whose labels must be over by `as_of`.

        `current` is everybody's features at as_of; BG/NBD and Gamma-Gamma learn from the newest there are. A shop where nothing ever
        cost anything is expected to earn nothing. At least one customer is needed.
        """
        self.as_of, self.horizon_days = as_of, horizon_days
        self.feature_names = self._given or learnable(panel)
        latest = panel[panel[AS_OF] == panel[AS_OF].max()] if current is None else current
        latest = latest[latest["order_day_count"] > 0]
        self.buying = bg_nbd.fit(*recency_frequency_time(latest))
        x, m_x = _spends(latest)
        self.spending = gamma_gamma.fit(x, m_x) if (m_x > 0).any() else None
        if self.feature_names and int((panel["future_order_count"] > 0).sum()) >= LEAST_BUYERS:
            self.order_trees = self._trees("poisson", panel, "future_order_count")
            if (panel["future_value"] > 0).any():
                self.spend_trees = self._trees("tweedie", panel, "future_value")
        return self

    def predict(self, features: pd.DataFrame, *, as_of: datetime | None = None) -> pd.DataFrame:
        """COLUMNS for every row of features as of `as_of` (the model's own time, where it is left out), on their index.

        expected_spend (money) and expected_orders (purchase days) are means over the horizon. clv is the expected spend of the next 365
        days, discounted at 10 % a year. expected_next_order_on is the day by which half of those who order again within the horizon
        will have ordered, with the days for a tenth and nine tenths beside it: it lies in (as_of, as_of + horizon), also for a customer who
        will hardly come back, whose churn probability says that. average_days_between_orders is the customer's own, missing before a second
        purchase day.
        """
        x, t_x, T = recency_frequency_time(features)
        orders = self.buying.expected_purchases(x, t_x, T, self.horizon_days)
        spend = orders * self._mean_spend(features)
        if self.order_trees is not None:
            orders = (orders + self.order_trees.predict(features)) / 2.0
        if self.spend_trees is not None:
            spend = (spend + self.spend_trees.predict(features)) / 2.0
        clv = spend * year_multiple(self.buying, x, t_x, T, self.horizon_days)
        due = [self._due(x, T, share, as_of or self.as_of) for share in (0.5, 0.1, 0.9)]
        columns = [spend, orders, clv, *due, features["gap_mean_days"].to_numpy(float)]
        return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)), index=features.index)

    def save(self, folder: Path) -> None:
        """Writes the model into an existing, empty folder, as LightGBM text and JSON."""
        trees = {"spend": self.spend_trees, "orders": self.order_trees}
        for name, one in trees.items():
            if one is not None:
                one.save(folder / f"{name}.txt")
        spending = None if self.spending is None else vars(self.spending)
        (folder / "clv.json").write_text(json.dumps({"bg_nbd": vars(self.buying), "gamma_gamma": spending}), encoding="utf-8")
        header = {
            "kind": "value",
            "as_of": self.as_of.isoformat(),
            "horizon_days": self.horizon_days,
            "feature_names": list(self.feature_names),
            "parameters": self.parameters,
            "trees": [name for name, one in trees.items() if one is not None],
            "metrics": self.metrics,
            "data_hash": self.data_hash,
        }
        artifacts.write_model(folder, header)

    @classmethod
    def load(cls, folder: Path, *, threads: int = 0) -> Self:
        """The model that `save` wrote. Raises InputError where the folder is damaged or holds another kind."""
        read = artifacts.read_model(folder, "value")
        model = cls(feature_names=read["feature_names"], threads=threads)
        model.as_of, model.horizon_days = datetime.fromisoformat(read["as_of"]), int(read["horizon_days"])
        model.metrics, model.data_hash, model.version = dict(read["metrics"]), str(read["data_hash"]), read.get("version")
        clv = json.loads((folder / "clv.json").read_text(encoding="utf-8"))
        model.buying = bg_nbd.BGNBD(**clv["bg_nbd"])
        model.spending = None if clv["gamma_gamma"] is None else gamma_gamma.GammaGamma(**clv["gamma_gamma"])
        trees = {name: Boosted.load(folder / f"{name}.txt", model.feature_names, threads=threads) for name in read["trees"]}
        model.spend_trees, model.order_trees = trees.get("spend"), trees.get("orders")
        return model

    @property
    def parameters(self) -> dict[str, Any]:
        """What describes the fitted model."""
        return {"rounds": ROUNDS, "yearly_discount": YEARLY_DISCOUNT, "lightgbm": dict(PARAMETERS), "bg_nbd": vars(self.buying)}

    def _trees(self, objective: str, panel: pd.DataFrame, target: str) -> Boosted:
        y = np.maximum(panel[target].to_numpy(float), 0.0)
        return Boosted(objective, self.feature_names, ROUNDS, threads=self.threads).fit(panel, y)

    def _mean_spend(self, features: pd.DataFrame) -> Floats:
        return np.zeros(len(features)) if self.spending is None else self.spending.expected_spend(*_spends(features))

    def _due(self, x: Floats, T: Floats, share: float, as_of: datetime) -> NDArray[np.datetime64]:
        days = days_to_next_order(self.buying, x, T, self.horizon_days, share=share)
        midnight = np.datetime64(as_of, "D").astype("datetime64[us]")
        return np.asarray(midnight + np.ceil(days).astype("timedelta64[D]"))


def _spends(features: pd.DataFrame) -> tuple[Floats, Floats]:
    """Purchase days, and the mean spend of one; 0 where there is none."""
    days = np.nan_to_num(features["order_day_count"].to_numpy(float))
    total = np.maximum(np.nan_to_num(features["value_total"].to_numpy(float)), 0.0)
    return days, np.where(days > 0, total / np.maximum(days, 1.0), 0.0)
