"""The ranker: LambdaRank (Burges, 2010) with LightGBM over candidates of earlier cuts. The second of two stages.

The same strongly regularised trees for every shop. Few trees and leaves: they are most of what a request costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from training.affinity.sheets import AT, Sheet
from training.affinity.sources.source import Floats32
from training.boosting import ONE_THREAD_BELOW
from training.trees import Trees

MOST_TREES: Final = 80
AS_GOOD: Final = 0.99  # of the best NDCG: fewer trees must be clearly better to be chosen
SMOOTHED: Final = 10  # trees, over which the curve of a small shop is averaged before its best is taken
LEAST_LEAF, MOST_LEAF = 20, 100  # rows of a leaf
PARAMETERS: Final = {
    "objective": "lambdarank",
    "lambdarank_truncation_level": 20,
    "num_leaves": 15,
    "learning_rate": 0.08,
    "lambda_l2": 10.0,
    "feature_fraction": 0.5,
    "max_bin": 63,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}


@dataclass(frozen=True)
class Ranker:
    """Trees over training.affinity.pair_features, `names` in order."""

    trees: Trees
    names: tuple[str, ...]

    def scores(self, features: Floats32) -> NDArray[np.float64]:
        """Higher is better, comparable within one customer: one per row."""
        if not len(features):
            return np.zeros(0)
        return self.trees.predict(features, threads=1)

    def gains(self) -> dict[str, float]:
        """Each feature's share of all that the trees gained; all 0 for trees that found nothing."""
        gains = self.trees.gains()
        return dict(zip(self.names, (gains / max(gains.sum(), 1e-12)).tolist(), strict=True))

    def write(self, file: Path) -> None:
        """Writes the trees as text."""
        file.write_text(self.trees.text, encoding="utf-8")

    @classmethod
    def read(cls, file: Path) -> Self:
        """The ranker that was written into `file`."""
        trees = Trees.read(file)
        return cls(trees, trees.feature_names)


def trees_in_time(sheets: Sequence[Sheet], *, seed: int = 0, threads: int = 2) -> int:
    """Early stopping in time: how many trees, learned from all sheets but the newest (the last), rank the newest best; the most of
    equals.

    MOST_TREES where there is one sheet, or nothing to learn from. Never fewer than ten.
    """
    import lightgbm  # noqa: PLC0415 - seconds of CPU that only who learns need spend

    past, newest = [s.learnable() for s in sheets[:-1]], sheets[-1].learnable()
    if not sum(len(s.hit) for s in past) or not len(newest.hit):
        return MOST_TREES
    names = _names(sheets)
    measured: dict[str, dict[str, list[float]]] = {}
    learned, held = _dataset(past, names), lightgbm.Dataset(newest.features, newest.hit.astype(np.float32), group=newest.sizes)
    parameters = {**_parameters(past, seed, threads), "metric": "ndcg", "eval_at": [AT]}
    lightgbm.train(
        parameters, learned, MOST_TREES, valid_sets=[held], valid_names=["held"], callbacks=[lightgbm.record_evaluation(measured)]
    )
    reached = np.convolve(measured["held"][f"ndcg@{AT}"], np.full(SMOOTHED, 1.0 / SMOOTHED), mode="valid")
    return int(np.flatnonzero(reached >= reached.max() * AS_GOOD)[-1]) + SMOOTHED


def fit_ranker(sheets: Sequence[Sheet], trees: int = MOST_TREES, *, seed: int = 0, threads: int = 2) -> Ranker | None:
    """A ranker that puts what was bought first, learned from sheets with the same features; None where no candidate was bought.

    Customers of whose candidates none was bought teach nothing and are left out.
    """
    import lightgbm  # noqa: PLC0415 - seconds of CPU that only who learns need spend

    learnable = [sheet.learnable() for sheet in sheets]
    if not sum(len(sheet.hit) for sheet in learnable):
        return None
    names = _names(sheets)
    grown = lightgbm.train(_parameters(learnable, seed, threads), _dataset(learnable, names), trees)
    return Ranker(Trees(grown.model_to_string()), names)


def _names(sheets: Sequence[Sheet]) -> tuple[str, ...]:
    return tuple(name.replace(":", "_") for name in sheets[0].names)


def _dataset(learnable: Sequence[Sheet], names: tuple[str, ...]) -> Any:
    import lightgbm  # noqa: PLC0415 - seconds of CPU that only who learns need spend

    return lightgbm.Dataset(
        np.concatenate([sheet.features for sheet in learnable]),
        np.concatenate([sheet.hit for sheet in learnable]).astype(np.float32),
        group=np.concatenate([sheet.sizes for sheet in learnable]),
        feature_name=list(names),
    )


def _parameters(learnable: Sequence[Sheet], seed: int, threads: int) -> dict[str, Any]:
    rows = sum(len(sheet.hit) for sheet in learnable)
    leaf = int(np.clip(rows // 1000, LEAST_LEAF, MOST_LEAF))
    return {**PARAMETERS, "min_data_in_leaf": leaf, "seed": seed, "num_threads": 1 if rows < ONE_THREAD_BELOW else threads}
