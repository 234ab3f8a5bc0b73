"""The value model: what a customer will order and spend within the horizon, and over a year, and when the next order is due.

Views whose mistakes differ are averaged: gradient-boosted trees on every feature (Tweedie for money, Poisson for orders), and BG/NBD or
Pareto/NBD times Gamma-Gamma, which need purchase days and amounts alone. With few customers the latter stand alone.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contract import AS_OF
from features.errors import InputError
from features.learnable import learnable
from training import artifacts
from training.boosting import PARAMETERS, Boosted
from training.clv import bg_nbd, gamma_gamma, pareto_nbd
from training.clv.columns import recency_frequency_time
from training.clv.lifetime_value import YEARLY_DISCOUNT, BuyTillYouDie, year_multiple
from training.clv.next_order import days_to_next_order
from training.clv.outliers import highest_credible
from training.matrix import Features, column
from training.rhythm import SHARES, RhythmTrees
from training.value_recipe import BG_NBD, ORDER_TREES, PARETO_NBD, RHYTHM_TREES, SPEND_TREES, ValueRecipe, Weights

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
# Fewer columns a tree than elsewhere: on seven cut-offs of two shops the blend's normalised Gini rose by .0004 on average, and fell nowhere by
# more than .0001. A Tweedie power of 1.2 ranked as well, and let one typing error move everybody by a fifth.
SPEND_PARAMETERS: Final = {"tweedie_variance_power": 1.5, "feature_fraction": 0.3}
OBJECTIVES: Final = {SPEND_TREES: ("tweedie", "future_value"), ORDER_TREES: ("poisson", "future_order_count")}
FILES: Final = {SPEND_TREES: "spend.txt", ORDER_TREES: "orders.txt"}


class ValueModel:
    """Expected orders and spend for one horizon; 0 `threads` takes all cores."""

    as_of: datetime
    horizon_days: int
    bg_nbd: bg_nbd.BGNBD
    pareto_nbd: pareto_nbd.ParetoNBD
    spending: gamma_gamma.GammaGamma | None
    highest_spend: float

    def __init__(self, recipe: ValueRecipe | None = None, *, feature_names: Sequence[str] | None = None, threads: int = 0) -> None:
        self.recipe = recipe or ValueRecipe()
        self._given = tuple(feature_names or ())
        self.feature_names = self._given
        self.threads = threads
        self.trees: dict[str, Boosted] = {}
        self.rhythm: RhythmTrees | None = None
        self.metrics: dict[str, float] = {}
        self.data_hash = ""
        self.version: str | None = None

    def fit(self, panel: pd.DataFrame, *, as_of: datetime, horizon_days: int, current: pd.DataFrame | None = None) -> Self:
        """Learns from `panel` (features.training_sets.churn_panel), whose labels must be over by `as_of`.

        `current` is everybody's features at as_of; the buy-till-you-die models learn from the newest there are. A shop where nothing ever
        cost anything is expected to earn nothing. No single purchase counts for more than `highest_credible` allows.
        Raises InputError where nobody ever bought anything.
        """
        self.as_of, self.horizon_days, self.trees, self.rhythm = as_of, horizon_days, {}, None
        self.feature_names = self._given or learnable(panel)
        latest = panel[panel[AS_OF] == panel[AS_OF].max()] if current is None else current
        self._fit_purchases(latest[latest["order_day_count"] > 0])
        if self.feature_names and int((panel["future_order_count"] > 0).sum()) >= LEAST_BUYERS:
            self._fit_trees(panel)
        return self

    def predict(self, features: pd.DataFrame, *, as_of: datetime | None = None) -> pd.DataFrame:
        """COLUMNS for every row of features as of `as_of` (the model's own time, where it is left out), on their index.

        expected_spend (money) and expected_orders (purchase days) are means over the horizon. clv is the expected spend of the next 365
        days, discounted at 10 % a year. expected_next_order_on is the day by which half of those who order again within the horizon
        will have ordered, with the days for a tenth and nine tenths beside it: it lies in [as_of, as_of + horizon], also for a customer who
        will hardly come back, whose churn probability says that. average_days_between_orders is the customer's own, missing before a second
        purchase day.
        """
        return pd.DataFrame(self.expected(features, as_of=as_of), index=features.index)

    def expected(self, features: Features, *, as_of: datetime | None = None) -> dict[str, NDArray[Any]]:
        """The same as arrays by name, days as datetime64[us]."""
        recipe, orders = self.recipe, self.orders(features, self.recipe.views)
        spends = self.spends(features, orders)
        spend = recipe.spend_level * blended(spends, recipe.spend)
        clv = spend * year_multiple(self._pace, *recency_frequency_time(features), self.horizon_days)
        at = as_of or self.as_of
        midnight = np.datetime64(at, "D").astype("datetime64[us]")
        low, due, high = (midnight + days for days in self.next_order_days(features, at).T.astype("timedelta64[D]"))
        expected_orders = recipe.orders_level * blended(orders, recipe.orders)
        columns = [spend, expected_orders, clv, due, low, high, column(features, "gap_mean_days")]
        return dict(zip(COLUMNS, columns, strict=True))

    def orders(self, features: Features, views: frozenset[str]) -> dict[str, Floats]:
        """Expected orders within the horizon by each of the views that is there."""
        x, t_x, T = recency_frequency_time(features)
        found = {name: model.expected_purchases(x, t_x, T, self.horizon_days) for name, model in self._purchases.items() if name in views}
        if ORDER_TREES in self.trees and ORDER_TREES in views:
            found[ORDER_TREES] = self.trees[ORDER_TREES].predict(features)
        return found or {BG_NBD: self.bg_nbd.expected_purchases(x, t_x, T, self.horizon_days)}

    def spends(self, features: Features, orders: Mapping[str, Floats]) -> dict[str, Floats]:
        """Expected spend within the horizon: each view of orders times the customer's mean spend, and the trees of spend."""
        mean = np.zeros(len(features)) if self.spending is None else self.spending.expected_spend(*self._spent(features))
        found = {name: expected * mean for name, expected in orders.items()}
        if SPEND_TREES in self.trees:
            found[SPEND_TREES] = self.trees[SPEND_TREES].predict(features)
        return found

    def next_order_days(self, features: Features, as_of: datetime, view: str | None = None) -> Floats:
        """Whole days from the date of `as_of` until a tenth, half and nine tenths of those who order within the horizon will have ordered."""
        if self.rhythm is not None and (view or self.recipe.next_order) == RHYTHM_TREES:
            since_midnight = self.rhythm.days(features)
        else:
            (x, _, T), started = recency_frequency_time(features), _day_share(as_of)
            days = [days_to_next_order(self.bg_nbd, x, T, self.horizon_days, share=share) for share in SHARES]
            since_midnight = started + np.column_stack(days)
        return np.clip(np.floor(since_midnight), 0, self.horizon_days)

    def save(self, folder: Path) -> None:
        """Writes the model into an existing, empty folder, as LightGBM text and JSON."""
        for name, one in self.trees.items():
            one.save(folder / FILES[name])
        if self.rhythm is not None:
            self.rhythm.save(folder)
        header = {
            "kind": "value",
            "as_of": self.as_of.isoformat(),
            "horizon_days": self.horizon_days,
            "feature_names": list(self.feature_names),
            "recipe": self.recipe.to_json(),
            "parameters": self.parameters,
            "trees": list(self.trees),
            "rhythm": self.rhythm is not None,
            "highest_spend": self.highest_spend if np.isfinite(self.highest_spend) else None,
            "metrics": self.metrics,
            "data_hash": self.data_hash,
        }
        artifacts.write_model(folder, header)

    @classmethod
    def load(cls, folder: Path, *, threads: int = 0) -> Self:
        """The model that `save` wrote. Raises InputError where the folder is damaged or holds another kind."""
        read = artifacts.read_model(folder, "value")
        model = cls(ValueRecipe.from_json(read["recipe"]), feature_names=read["feature_names"], threads=threads)
        model.as_of, model.horizon_days = datetime.fromisoformat(read["as_of"]), int(read["horizon_days"])
        model.metrics, model.data_hash, model.version = dict(read["metrics"]), str(read["data_hash"]), read.get("version")
        fitted = read["parameters"]
        model.bg_nbd, model.pareto_nbd = bg_nbd.BGNBD(**fitted["bg_nbd"]), pareto_nbd.ParetoNBD(**fitted["pareto_nbd"])
        model.spending = None if fitted["gamma_gamma"] is None else gamma_gamma.GammaGamma(**fitted["gamma_gamma"])
        model.highest_spend = float("inf") if read["highest_spend"] is None else float(read["highest_spend"])
        model.trees = {name: Boosted.load(folder / FILES[name], model.feature_names, threads=threads) for name in read["trees"]}
        model.rhythm = RhythmTrees.load(folder, model.feature_names, threads=threads) if read["rhythm"] else None
        return model

    @property
    def parameters(self) -> dict[str, Any]:
        """What describes the fitted model."""
        spending = None if self.spending is None else vars(self.spending)
        fitted = {"bg_nbd": vars(self.bg_nbd), "pareto_nbd": vars(self.pareto_nbd), "gamma_gamma": spending}
        return {
            "recipe": self.recipe.to_json(),
            "rounds": ROUNDS,
            "yearly_discount": YEARLY_DISCOUNT,
            "lightgbm": dict(PARAMETERS),
            **fitted,
        }

    @property
    def _purchases(self) -> dict[str, BuyTillYouDie]:
        return {BG_NBD: self.bg_nbd, PARETO_NBD: self.pareto_nbd}

    @property
    def _pace(self) -> BuyTillYouDie:
        """Who carries the horizon's expectation on to a year: the law that has a say in spend."""
        return next((model for name, model in self._purchases.items() if name in self.recipe.spend), self.bg_nbd)

    def _fit_purchases(self, latest: pd.DataFrame) -> None:
        if latest.empty:
            raise InputError(
                "Nobody has bought anything, so that there is no value to learn from.", remedy="Bring in orders, or a later --as-of."
            )
        x, t_x, T = recency_frequency_time(latest)
        self.bg_nbd, self.pareto_nbd = bg_nbd.fit(x, t_x, T), pareto_nbd.fit(x, t_x, T)
        self.highest_spend = float("inf")
        self.highest_spend = highest_credible(self._spent(latest)[1])
        days, mean = self._spent(latest)
        self.spending = gamma_gamma.fit(days, mean) if (mean > 0).any() else None

    def _fit_trees(self, panel: pd.DataFrame) -> None:
        for name in (name for name in OBJECTIVES if name in self.recipe.views):
            objective, target = OBJECTIVES[name]
            y = np.maximum(panel[target].to_numpy(float), 0.0)
            if name == SPEND_TREES:
                y = np.minimum(y, highest_credible(y))
            if (y > 0).any():
                parameters = SPEND_PARAMETERS if name == SPEND_TREES else None
                trees = Boosted(objective, self.feature_names, ROUNDS, parameters=parameters, threads=self.threads)
                self.trees[name] = trees.fit(panel, y)
        if RHYTHM_TREES in self.recipe.views:
            self.rhythm = RhythmTrees.fit(panel, self.feature_names, threads=self.threads)

    def _spent(self, features: Features) -> tuple[Floats, Floats]:
        """Purchase days, and the mean spend of one, at most the highest credible; 0 where there is none."""
        days = np.nan_to_num(column(features, "order_day_count"))
        total = np.maximum(np.nan_to_num(column(features, "value_total")), 0.0)
        mean = np.where(days > 0, total / np.maximum(days, 1.0), 0.0)
        return days, np.minimum(mean, self.highest_spend)


def blended(views: Mapping[str, Floats], weights: Weights) -> Floats:
    """The views' mean by weight; where none of the weighted is there (too few customers for trees), the plain mean of what is."""
    shares = {name: float(weights[name]) for name in views.keys() & weights.keys()} or dict.fromkeys(views, 1.0)
    total = sum(shares.values())
    return np.asarray(sum(share / total * views[name] for name, share in sorted(shares.items())), float)


def _day_share(at: datetime) -> float:
    """How much of the day is over."""
    return (at.hour + (at.minute + at.second / 60.0) / 60.0) / 24.0
