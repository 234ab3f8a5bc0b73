"""The blend: how much each source counts, with repeat purchases allowed and among new products only, chosen on candidate sheets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.affinity.recall import MATRIX_FACTORISATION, PERSONAL_FREQUENCY, POPULARITY, PRODUCT_SIMILARITY, SOURCES
from training.affinity.top import BLOCKED, best, keys
from training.evaluation.ranking import Hits, ndcg_at

Weights = Mapping[str, float]
ALL: Final = "all"
NEW: Final = "new"
AT: Final = 10  # ranks that count
GRID: Final = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
LEAST_GAIN: Final = 1e-4  # of NDCG, below which a weight stays as it is
ROUNDS: Final = 4
FREQUENT: Final[Weights] = {PERSONAL_FREQUENCY: 1.0}
PLAIN: Final[Mapping[str, Weights]] = {ALL: {PERSONAL_FREQUENCY: 1.0, POPULARITY: 0.1}, NEW: {POPULARITY: 1.0}}
SAFE: Final[Mapping[str, Weights]] = {ALL: FREQUENT, NEW: PLAIN[NEW]}  # what a blend that loses is dropped for
STARTS: Final[Mapping[str, Weights]] = {
    ALL: {PERSONAL_FREQUENCY: 1.0, POPULARITY: 0.1},
    NEW: {POPULARITY: 0.1, MATRIX_FACTORISATION: 0.1, PRODUCT_SIMILARITY: 0.1},
}


@dataclass(frozen=True)
class Sheet:
    """Candidates of customers who bought something later: columns and hits (customers, candidates), what each source said, how many they wanted.

    `columns` is BLOCKED where there is no candidate. `said` is (sources, customers, candidates), in the order of SOURCES.
    """

    columns: NDArray[np.int64]
    said: NDArray[np.float32]
    hits: Hits
    wanted: NDArray[np.int64]
    products: int

    def top_hits(self, weights: Weights, k: int = AT) -> Hits:
        """Whether each of the first k is wanted, with these weights: (customers, k)."""
        parts = [np.float32(weights.get(s, 0.0)) * one for s, one in zip(SOURCES, self.said, strict=True) if weights.get(s, 0.0) > 0.0]
        scores = np.sum(parts, axis=0) if parts else np.zeros(self.columns.shape, np.float32)
        ranked = np.where(self.columns == BLOCKED, BLOCKED, keys(scores, self.columns, self.products))
        return np.asarray(np.take_along_axis(self.hits, best(ranked, k), axis=1), bool)

    def ndcg(self, weights: Weights, k: int = AT) -> NDArray[np.float64]:
        """NDCG@k of each customer, with these weights."""
        return ndcg_at(self.top_hits(weights, k), self.wanted, k)

    def halves(self) -> tuple["Sheet", "Sheet"]:
        """Every other customer, and the others; of a single customer, the same twice."""
        every = np.arange(len(self.columns))
        return self._of(every[::2]), self._of(every[1::2] if len(every) > 1 else every)

    def _of(self, rows: NDArray[np.int64]) -> "Sheet":
        return Sheet(self.columns[rows], self.said[:, rows], self.hits[rows], self.wanted[rows], self.products)


@dataclass(frozen=True)
class Blend:
    """Weights of the sources by mode: `all` ranks repeats and new products together, `new` those a customer never bought."""

    modes: Mapping[str, Weights] = field(default_factory=lambda: dict(PLAIN))

    def weights(self, *, exclude_purchased: bool) -> Weights:
        """The weights of one mode."""
        return self.modes[NEW if exclude_purchased else ALL]

    @property
    def factorised(self) -> bool:
        """Whether matrix factorisation counts in any mode."""
        return any(weights.get(MATRIX_FACTORISATION, 0.0) > 0.0 for weights in self.modes.values())


def mean_ndcg(sheets: Sequence[Sheet], weights: Weights) -> float:
    """NDCG@10 over the customers of all sheets."""
    return float(np.concatenate([sheet.ndcg(weights) for sheet in sheets]).mean())


def choose_weights(sheets: Sequence[Sheet], mode: str) -> Weights:
    """The weights with the best NDCG@10 on the sheets, one source at a time over a grid of values, until none helps.

    Personal frequency stands at 1 among repeats, and says nothing of new products.
    """
    weights = dict(STARTS[mode])
    reached = mean_ndcg(sheets, weights)
    for _ in range(ROUNDS):
        before = reached
        for source in SOURCES[1:]:
            tried = {value: mean_ndcg(sheets, {**weights, source: value}) for value in GRID}
            value = max(tried, key=lambda v: (tried[v], -v))
            if tried[value] > reached + LEAST_GAIN:
                weights[source], reached = value, tried[value]
        if reached == before:
            break
    return {source: value for source, value in weights.items() if value > 0.0}
