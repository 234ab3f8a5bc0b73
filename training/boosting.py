"""LightGBM as this product uses it: strongly regularised trees, the same automatic parameters for every shop, saved as text.

max_bin is 63: on sparse tables 255 bins cost twenty times the time and won nothing.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.matrix import Features, Matrix, columns
from training.trees import Trees

Floats = NDArray[np.float64]
ONE_THREAD_BELOW: Final = 300_000  # rows: a second thread wins little there, and loses tenfold where the cores are busy
ROUNDS: Final = (50, 100, 150, 200, 300)
PARAMETERS: Final[Mapping[str, Any]] = {
    "learning_rate": 0.03,
    "num_leaves": 15,
    "lambda_l2": 10.0,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "max_bin": 63,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
    "seed": 20,
}


class Boosted:
    """Trees for one objective ("binary", "tweedie", "poisson") on named features; 0 `threads` takes what the rows are worth.

    `parameters` stand over PARAMETERS.
    """

    def __init__(
        self, objective: str, feature_names: Sequence[str], rounds: int, *, parameters: Mapping[str, Any] | None = None, threads: int = 0
    ) -> None:
        self.objective = objective
        self.feature_names = tuple(feature_names)
        self.rounds = rounds
        self.parameters = dict(parameters or {})
        self.threads = threads
        self._trees: Trees | None = None

    def fit(self, features: pd.DataFrame, y: Floats, weights: Floats | None = None) -> Self:
        """Grows the trees; NaN is unknown. A leaf holds at least 1 % of few rows, 100 of many. `weights` say how much each row counts."""
        import lightgbm  # noqa: PLC0415 - seconds of CPU that only who learns need spend

        X = self._matrix(features)
        least = int(np.clip(len(y) // 100, 10, 100))
        threads = self.threads or (1 if len(y) < ONE_THREAD_BELOW else 0)
        parameters = {**PARAMETERS, "min_data_in_leaf": least, **self.parameters, "objective": self.objective, "num_threads": threads}
        grown = lightgbm.train(parameters, lightgbm.Dataset(X, y, weight=weights), self.rounds)
        self._trees = Trees(grown.model_to_string())
        return self

    def predict(self, features: Features, *, rounds: int | None = None) -> Floats:
        """Probability or mean of every row, by the first `rounds` trees or by all."""
        if len(features) == 0:
            return np.zeros(0)
        return self._grown.predict(self._matrix(features), rounds=rounds, threads=self.threads)

    def contributions(self, features: Features) -> Matrix:
        """Shapley values of every feature on the objective's own scale (log odds, log mean)."""
        values = np.zeros((0, len(self.feature_names)))
        if len(features):
            values = self._grown.contributions(self._matrix(features), threads=self.threads)[:, :-1]
        return Matrix(self.feature_names, values)

    def save(self, path: Path) -> None:
        """Writes LightGBM's own text."""
        path.write_text(self._grown.text, encoding="utf-8")

    @classmethod
    def load(cls, path: Path, feature_names: Sequence[str], *, threads: int = 0) -> Self:
        """The trees that `save` wrote, on the same features in the same order."""
        model = cls("", feature_names, 0, threads=threads)
        model._trees = Trees.read(path)
        return model

    @property
    def _grown(self) -> Trees:
        if self._trees is None:
            raise ValueError("nothing was fitted or loaded yet")
        return self._trees

    def _matrix(self, features: Features) -> Floats:
        return np.ascontiguousarray(columns(features, self.feature_names))
