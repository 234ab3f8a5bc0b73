"""When customers who come back come back: trees for the tenth, half and nine tenths of the days to their next order."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contract import AS_OF
from training.boosting import Boosted
from training.matrix import Features

Floats = NDArray[np.float64]
SHARES: Final = (0.1, 0.5, 0.9)
LEAST_ROWS: Final = 500  # panel rows with an order after the cut-off, below which no quantile can be told
ROUNDS: Final = 150


class RhythmTrees:
    """One set of quantile trees for each of SHARES, learned from those who ordered within the horizon."""

    def __init__(self, trees: Sequence[Boosted]) -> None:
        self.trees = tuple(trees)

    @classmethod
    def fit(cls, panel: pd.DataFrame, feature_names: Sequence[str], *, threads: int = 0) -> Self | None:
        """Learns from rows of `panel` with days_to_next_order; none where they are too few to learn from."""
        came = panel[panel["days_to_next_order"].notna()]
        if len(came) < LEAST_ROWS or not feature_names:
            return None
        days = calendar_days(came) + 0.5  # noon: the nearest whole day is then the one below, for shops that tell dates alone, too
        return cls(
            [Boosted("quantile", feature_names, ROUNDS, parameters={"alpha": share}, threads=threads).fit(came, days) for share in SHARES]
        )

    def days(self, features: Features) -> Floats:
        """Days from the cut-off's midnight until each of SHARES of those like the customer have ordered, a column a share, rising."""
        return np.sort(np.column_stack([one.predict(features) for one in self.trees]), axis=1)

    def save(self, folder: Path) -> None:
        """Writes rhythm_10.txt, rhythm_50.txt and rhythm_90.txt."""
        for share, one in zip(SHARES, self.trees, strict=True):
            one.save(_file(folder, share))

    @classmethod
    def load(cls, folder: Path, feature_names: Sequence[str], *, threads: int = 0) -> Self:
        """The trees that `save` wrote."""
        return cls([Boosted.load(_file(folder, share), feature_names, threads=threads) for share in SHARES])


def calendar_days(came: pd.DataFrame) -> Floats:
    """Whole days between the date of the cut-off and that of the next order, from as_of and days_to_next_order."""
    since_midnight = (came[AS_OF] - came[AS_OF].dt.normalize()) / pd.Timedelta(days=1)
    return np.asarray(np.floor(since_midnight.to_numpy(float) + came["days_to_next_order"].to_numpy(float)))


def pinball_loss(actual: Floats, quantiles: Floats) -> Floats:
    """Each row's mean loss over SHARES: the distance to each quantile, weighted by how unlikely that side of it should be."""
    above = actual[:, None] - quantiles
    shares = np.asarray(SHARES)
    return np.asarray(np.maximum(shares * above, (shares - 1.0) * above).mean(axis=1))


def _file(folder: Path, share: float) -> Path:
    return folder / f"rhythm_{round(100 * share)}.txt"
