"""The members of the churn model: each learns from a panel, answers with probabilities, explains itself and saves itself.

lightgbm needs many customers, the logistic regression some, BG/NBD the purchase days alone.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.boosting import Boosted
from training.calibration import log_odds
from training.clv import bg_nbd
from training.clv.columns import recency_frequency_time
from training.rfm import RfmLogistic

Floats = NDArray[np.float64]
TREES: Final = "lightgbm"
LOGISTIC: Final = "logistic"
BUYING: Final = "bg_nbd"


class Member(Protocol):
    """What the churn model asks of a member."""

    def predict(self, features: pd.DataFrame) -> Floats:
        """The churn probability of every row."""

    def contributions(self, features: pd.DataFrame) -> pd.DataFrame:
        """What features add to the log odds, in columns by feature name."""

    def save(self, folder: Path) -> None:
        """Writes the member's file into the model's folder."""


class Trees:
    """LightGBM on every feature."""

    def __init__(self, trees: Boosted) -> None:
        self.trees = trees

    @classmethod
    def fit(cls, panel: pd.DataFrame, feature_names: Sequence[str], rounds: int, threads: int) -> Self:
        """Learns from a panel with both classes."""
        return cls(Boosted("binary", feature_names, rounds, threads=threads).fit(panel, panel["churned"].to_numpy(float)))

    def predict(self, features: pd.DataFrame) -> Floats:
        """The churn probability of every row."""
        return self.trees.predict(features)

    def contributions(self, features: pd.DataFrame) -> pd.DataFrame:
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
    def fit(cls, panel: pd.DataFrame) -> Self:
        """Learns from a panel with both classes."""
        return cls(RfmLogistic().fit(panel, panel["churned"].to_numpy(float)))

    def predict(self, features: pd.DataFrame) -> Floats:
        """The churn probability of every row."""
        return self.model.predict(features)

    def contributions(self, features: pd.DataFrame) -> pd.DataFrame:
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
    """BG/NBD's probability of no purchase within the horizon. `typical` is the middle customer's (x, silence, T)."""

    def __init__(self, model: bg_nbd.BGNBD, horizon_days: int, typical: tuple[float, float, float]) -> None:
        self.model = model
        self.horizon_days = horizon_days
        self.typical = typical

    @classmethod
    def fit(cls, latest: pd.DataFrame, horizon_days: int) -> Self:
        """Learns from purchase days alone: one row per customer, no labels."""
        x, t_x, T = recency_frequency_time(latest)
        typical = (float(np.median(x)), float(np.median(T - t_x)), float(np.median(T)))
        return cls(bg_nbd.fit(x, t_x, T), horizon_days, typical)

    def predict(self, features: pd.DataFrame) -> Floats:
        """The churn probability of every row."""
        return self.model.probability_no_purchase(*recency_frequency_time(features), self.horizon_days)

    def contributions(self, features: pd.DataFrame) -> pd.DataFrame:
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
        return pd.DataFrame(moves, index=features.index)

    def save(self, folder: Path) -> None:
        """Writes bg_nbd.json."""
        written = {**vars(self.model), "horizon_days": self.horizon_days, "typical": list(self.typical)}
        (folder / "bg_nbd.json").write_text(json.dumps(written), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote."""
        read = json.loads((folder / "bg_nbd.json").read_text(encoding="utf-8"))
        x, silence, T = read["typical"]
        return cls(bg_nbd.BGNBD(read["r"], read["alpha"], read["a"], read["b"]), read["horizon_days"], (x, silence, T))

    def _log_odds(self, x: Floats, silence: Floats, T: Floats) -> Floats:
        t_x = np.where(x > 0, np.maximum(T - silence, 0.0), 0.0)
        return log_odds(self.model.probability_no_purchase(x, t_x, T, self.horizon_days))
