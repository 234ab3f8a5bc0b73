"""The members of the churn model: each learns from a panel, answers with probabilities, explains itself and saves itself.

LightGBM needs many customers, the logistic regression some, BG/NBD and Pareto/NBD the purchase days alone.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.boosting import Boosted
from training.calibration import log_odds
from training.clv import bg_nbd, pareto_nbd
from training.clv.bg_nbd import BGNBD
from training.clv.columns import recency_frequency_time
from training.clv.pareto_nbd import ParetoNBD
from training.matrix import Features, Matrix
from training.rfm import RfmLogistic

Floats = NDArray[np.float64]
TREES: Final = "lightgbm"
LOGISTIC: Final = "logistic"
BG_NBD: Final = "bg_nbd"
PARETO_NBD: Final = "pareto_nbd"
BUYING: Final = (BG_NBD, PARETO_NBD)
ACTIVE_HORIZONS: Final = 2  # who ordered within so many horizons is active: the long gone are easy, and nobody acts on them
GONE_WEIGHT: Final = 0.25  # of a row of somebody who is not active
SHAPE: Final[Mapping[str, Any]] = {}  # of the trees, over boosting.PARAMETERS: the usual shape changes none


def is_active(features: pd.DataFrame, horizon_days: int) -> NDArray[np.bool_]:
    """Who ordered in the last ACTIVE_HORIZONS horizons."""
    return (features["days_since_last_order"] <= ACTIVE_HORIZONS * horizon_days).to_numpy(bool)


def row_weights(panel: pd.DataFrame, horizon_days: int) -> Floats:
    """How much each row of a panel counts: GONE_WEIGHT for the long gone, 1 for everybody else."""
    return np.where(is_active(panel, horizon_days), 1.0, GONE_WEIGHT)


class Member(Protocol):
    """What the churn model asks of a member."""

    def predict(self, features: Features) -> Floats:
        """The churn probability of every row."""

    def contributions(self, features: Features) -> Matrix:
        """What features add to the log odds, in columns by feature name."""

    def save(self, folder: Path) -> None:
        """Writes the member's file into the model's folder."""


class Trees:
    """LightGBM on every feature."""

    def __init__(self, trees: Boosted) -> None:
        self.trees = trees

    @classmethod
    def fit(
        cls, panel: pd.DataFrame, feature_names: Sequence[str], rounds: int, *, shape: Mapping[str, Any], weights: Floats, threads: int
    ) -> Self:
        """Learns from a panel with both classes; `shape` stands over boosting.PARAMETERS."""
        trees = Boosted("binary", feature_names, rounds, parameters=shape, threads=threads)
        return cls(trees.fit(panel, panel["churned"].to_numpy(float), weights))

    def predict(self, features: Features) -> Floats:
        """The churn probability of every row."""
        return self.trees.predict(features)

    def contributions(self, features: Features) -> Matrix:
        """Shapley values."""
        return self.trees.contributions(features)

    def save(self, folder: Path) -> None:
        """Writes lightgbm.txt."""
        self.trees.save(folder / "lightgbm.txt")

    @classmethod
    def load(cls, folder: Path, feature_names: Sequence[str], threads: int) -> Self:
        """What `save` wrote."""
        return cls(Boosted.load(folder / "lightgbm.txt", feature_names, threads=threads))


class Logistic:
    """Logistic regression on recency, frequency, value and age."""

    def __init__(self, model: RfmLogistic) -> None:
        self.model = model

    @classmethod
    def fit(cls, panel: pd.DataFrame, weights: Floats) -> Self:
        """Learns from a panel with both classes."""
        return cls(RfmLogistic().fit(panel, panel["churned"].to_numpy(float), weights))

    def predict(self, features: Features) -> Floats:
        """The churn probability of every row."""
        return self.model.predict(features)

    def contributions(self, features: Features) -> Matrix:
        """The linear terms, against the average customer."""
        return self.model.contributions(features)

    def save(self, folder: Path) -> None:
        """Writes logistic.json."""
        (folder / "logistic.json").write_text(json.dumps(self.model.to_json()), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote."""
        return cls(RfmLogistic.from_json(json.loads((folder / "logistic.json").read_text(encoding="utf-8"))))


class Buying:
    """A buying process's probability of no purchase within the horizon. `typical` is the middle customer's (x, silence, T)."""

    def __init__(self, model: BGNBD | ParetoNBD, horizon_days: int, typical: tuple[float, float, float]) -> None:
        self.model = model
        self.horizon_days = horizon_days
        self.typical = typical

    @classmethod
    def fit(cls, name: str, latest: pd.DataFrame, horizon_days: int) -> Self:
        """Learns from purchase days alone, by the process of this name: one row per customer, no labels."""
        x, t_x, T = recency_frequency_time(latest)
        typical = (float(np.median(x)), float(np.median(T - t_x)), float(np.median(T)))
        return cls(_PROCESSES[name].fit(x, t_x, T), horizon_days, typical)

    @property
    def name(self) -> str:
        """Which process it is."""
        return BG_NBD if isinstance(self.model, BGNBD) else PARETO_NBD

    def predict(self, features: Features) -> Floats:
        """The churn probability of every row."""
        return self.model.probability_no_purchase(*recency_frequency_time(features), self.horizon_days)

    def contributions(self, features: Features) -> Matrix:
        """How far the log odds move when one number is exchanged for the middle customer's."""
        x, t_x, T = recency_frequency_time(features)
        silence = T - t_x
        here = self._log_odds(x, silence, T)
        usual_x, usual_silence, usual_T = (np.full(len(x), value) for value in self.typical)
        moves = {
            "repeat_day_count": here - self._log_odds(usual_x, silence, T),
            "days_since_last_order": here - self._log_odds(x, usual_silence, T),
            "customer_age_days": here - self._log_odds(x, silence, usual_T),
        }
        return Matrix(tuple(moves), np.column_stack(list(moves.values())))

    def save(self, folder: Path) -> None:
        """Writes bg_nbd.json or pareto_nbd.json."""
        written = {"parameters": vars(self.model), "horizon_days": self.horizon_days, "typical": list(self.typical)}
        (folder / f"{self.name}.json").write_text(json.dumps(written), encoding="utf-8")

    @classmethod
    def load(cls, name: str, folder: Path) -> Self:
        """What `save` wrote."""
        read = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        x, silence, T = read["typical"]
        made = BGNBD if name == BG_NBD else ParetoNBD
        return cls(made(**read["parameters"]), read["horizon_days"], (x, silence, T))

    def _log_odds(self, x: Floats, silence: Floats, T: Floats) -> Floats:
        t_x = np.where(x > 0, np.maximum(T - silence, 0.0), 0.0)
        return log_odds(self.model.probability_no_purchase(x, t_x, T, self.horizon_days))


_PROCESSES: Final[Mapping[str, ModuleType]] = {BG_NBD: bg_nbd, PARETO_NBD: pareto_nbd}
