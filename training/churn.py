"""The churn model: P(no purchase in [as_of, as_of + horizon)), from trees, RFM logistic regression and a buying process.

Members answer on their own; their log odds are averaged with the weights that a backtest chose, and calibrated if that helped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contract import AS_OF
from features.learnable import learnable
from training import artifacts, calibration
from training.boosting import PARAMETERS
from training.calibration import Calibrator
from training.churn_members import BUYING, LOGISTIC, SHAPE, TREES, Buying, Logistic, Member, Trees, is_active, row_weights
from training.matrix import Features, Matrix, places
from training.reasons import Reason, top_reasons

Floats = NDArray[np.float64]
LEAST_TREES: Final = 100  # rows of the rarer class below which trees are not grown
SEED: Final = 20
MOST_USUAL: Final = 2_000  # customers who tell what is usual: their mean is steady, and contributions are dear
LEAST_LOGISTIC: Final = 10  # the same for the logistic regression; below it, everybody gets the base rate


@dataclass(frozen=True)
class ChurnRecipe:
    """How a churn model is put together: the members' weights (made to sum to 1), the number and shape of the trees, a calibrator."""

    weights: Mapping[str, float] = field(default_factory=lambda: {TREES: 3.0, LOGISTIC: 1.0})
    rounds: int = 150
    shape: Mapping[str, Any] = field(default_factory=lambda: dict(SHAPE))
    calibrator: Calibrator | None = None


class ChurnModel:
    """Churn probabilities for one horizon; 0 `threads` takes all cores.

    Its trees learn from `feature_names`; where none are given, from those of the panel that say something (`features.learnable`).
    `lacks` says what the shop's data are too few of, one sentence each, to rely on the answers (`training.minimum`); empty where they are enough.
    """

    as_of: datetime
    horizon_days: int
    base_rate: float
    usual: Mapping[str, float]
    lacks: tuple[str, ...] = ()

    def __init__(self, recipe: ChurnRecipe | None = None, *, feature_names: Sequence[str] | None = None, threads: int = 0) -> None:
        self.recipe = recipe or ChurnRecipe()
        self._given = tuple(feature_names or ())
        self.feature_names = self._given
        self.threads = threads
        self.members: dict[str, Member] = {}
        self.metrics: dict[str, float] = {}
        self.data_hash = ""
        self.version: str | None = None

    def fit(self, panel: pd.DataFrame, *, as_of: datetime, horizon_days: int, current: pd.DataFrame | None = None) -> Self:
        """Learns from `panel` (features, as_of, churned: features.training_sets.churn_panel), whose labels must be over by `as_of`.

        The long gone count less (`row_weights`). `current` is everybody's features at as_of, without labels: a buying process needs none.
        Few rows, or one class alone, make a plainer model, down to the base rate (churned + 1) / (rows + 2).
        """
        self.as_of, self.horizon_days, self.members, self.usual = as_of, horizon_days, {}, {}
        self.feature_names = self._given or learnable(panel)
        churned, rows = float(panel["churned"].sum()), len(panel)
        self.base_rate = (churned + 1.0) / (rows + 2.0)
        rarer, wanted = min(churned, rows - churned), self.recipe.weights
        if rarer < LEAST_LOGISTIC:
            return self
        emphasis, recipe = row_weights(panel, horizon_days), self.recipe
        if wanted.get(TREES) and rarer >= LEAST_TREES and self.feature_names:
            self.members[TREES] = Trees.fit(
                panel, self.feature_names, recipe.rounds, shape=recipe.shape, weights=emphasis, threads=self.threads
            )
        latest = panel[panel[AS_OF] == panel[AS_OF].max()] if current is None else current
        self.members |= {name: Buying.fit(name, latest, horizon_days) for name in BUYING if wanted.get(name)}
        if wanted.get(LOGISTIC) or not self.members:
            self.members[LOGISTIC] = Logistic.fit(panel, emphasis)
        self.usual = self._usual(latest)
        return self

    @property
    def weights(self) -> dict[str, float]:
        """The share of every member that could be fitted; empty where only the base rate could."""
        given = {name: float(self.recipe.weights.get(name, 0.0)) for name in self.members}
        total = sum(given.values())
        return {name: weight / total if total else 1.0 / len(given) for name, weight in given.items()}

    def predict(self, features: Features) -> Floats:
        """The churn probability of every row of features, strictly between 0 and 1.

        Columns are taken by name (`feature_names`, and the few that the plain members read); NaN is unknown, also in every column of a row.
        """
        z = self.log_odds(features)
        kept = self.recipe.calibrator
        return kept.apply(z) if kept is not None and self.members else calibration.probability(z)

    def log_odds(self, features: Features) -> Floats:
        """The members' weighted log odds, before any calibration."""
        if not self.members:
            return np.full(len(features), calibration.log_odds(np.array([self.base_rate]))[0])
        parts = [share * calibration.log_odds(self.members[name].predict(features)) for name, share in self.weights.items()]
        return np.asarray(np.sum(parts, axis=0))

    def contributions(self, features: pd.DataFrame) -> pd.DataFrame:
        """What every feature adds to the log odds of churn: one row per row, one column per feature."""
        moves = self._moves(features)
        return pd.DataFrame(moves.values, columns=list(moves.names), index=features.index)

    def _moves(self, features: Features) -> Matrix:
        parts = [(share, self.members[name].contributions(features)) for name, share in self.weights.items()]
        names = tuple(dict.fromkeys([*self.feature_names, *(name for _, part in parts for name in part.names)]))
        total = np.zeros((len(features), len(names)))
        for share, part in parts:
            total[:, places(names, part.names)] += share * part.values
        return Matrix(names, total)

    def _usual(self, latest: pd.DataFrame) -> dict[str, float]:
        """What every feature adds for the middle of the road: the mean contributions of active customers, or of everybody without any."""
        active = latest[is_active(latest, self.horizon_days)]
        known = active if len(active) else latest
        mean = self.contributions(known.sample(min(len(known), MOST_USUAL), random_state=SEED)).mean()
        return {str(name): float(move) for name, move in mean.items()}

    def reasons(self, features: Features, k: int = 3) -> list[list[Reason]]:
        """The k strongest reasons of every row against the usual active customer, strongest first; fewer, or none, where little is known."""
        moves = self._moves(features)
        usual = np.array([self.usual.get(name, 0.0) for name in moves.names])
        return top_reasons(features, Matrix(moves.names, moves.values - usual), k)

    def save(self, folder: Path) -> None:
        """Writes the model into an existing, empty folder, as LightGBM text and JSON."""
        for member in self.members.values():
            member.save(folder)
        kept = self.recipe.calibrator
        header = {
            "kind": "churn",
            "as_of": self.as_of.isoformat(),
            "horizon_days": self.horizon_days,
            "feature_names": list(self.feature_names),
            "parameters": {**self._made(), "lightgbm": {**PARAMETERS, **self.recipe.shape}},
            "calibrator": None if kept is None else kept.to_json(),
            "members": list(self.members),
            "base_rate": self.base_rate,
            "lacks": list(self.lacks),
            "usual": dict(self.usual),
            "metrics": self.metrics,
            "data_hash": self.data_hash,
        }
        artifacts.write_model(folder, header)

    @classmethod
    def load(cls, folder: Path, *, threads: int = 0) -> Self:
        """The model that `save` wrote. Raises InputError where the folder is damaged or holds another kind."""
        read = artifacts.read_model(folder, "churn")
        made = read["parameters"]
        recipe = ChurnRecipe(made["weights"], made["rounds"], made["shape"], calibration.from_json(read["calibrator"]))
        model = cls(recipe, feature_names=read["feature_names"], threads=threads)
        model.as_of, model.horizon_days = datetime.fromisoformat(read["as_of"]), int(read["horizon_days"])
        model.base_rate, model.metrics, model.data_hash = float(read["base_rate"]), dict(read["metrics"]), str(read["data_hash"])
        model.version, model.lacks = read.get("version"), tuple(read["lacks"])
        model.usual = {str(name): float(move) for name, move in read["usual"].items()}
        model.members = {name: _load_member(name, folder, model.feature_names, threads) for name in read["members"]}
        return model

    def _made(self) -> dict[str, Any]:
        return {"weights": dict(self.recipe.weights), "rounds": self.recipe.rounds, "shape": dict(self.recipe.shape)}


def _load_member(name: str, folder: Path, feature_names: Sequence[str], threads: int) -> Member:
    if name == TREES:
        return Trees.load(folder, feature_names, threads)
    return Logistic.load(folder) if name == LOGISTIC else Buying.load(name, folder)
