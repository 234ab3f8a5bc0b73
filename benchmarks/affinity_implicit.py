"""Two peers that come with the library implicit: ALS (Hu, Koren and Volinsky, ICDM 2008), and item-item neighbours by BM25."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from implicit.nearest_neighbours import ItemItemRecommender, bm25_weight
from threadpoolctl import threadpool_limits

from benchmarks.affinity_baskets import Baskets, Floats, Ints
from benchmarks.affinity_scores import Scores

ITERATIONS = 15
SEED = 1


@dataclass(frozen=True)
class ALSSetting:
    """Factors, regularisation lambda, and the confidence alpha that a basket adds."""

    factors: int
    regularization: float
    alpha: float


@dataclass(frozen=True)
class BM25Setting:
    """Neighbours kept of each product, and the parameters k1 and b of BM25."""

    neighbours: int
    k1: float
    b: float


ALS_GRID = (ALSSetting(64, 0.01, 1.0), ALSSetting(64, 1.0, 5.0), ALSSetting(64, 10.0, 20.0), ALSSetting(128, 1.0, 5.0))
BM25_GRID = tuple(BM25Setting(k, k1, b) for k in (20, 100, 500) for k1, b in ((1.2, 0.75), (1.2, 0.25), (100.0, 0.8)))


def als(setting: ALSSetting, *, threads: int = 1) -> Any:
    """The library's model with this setting, not fitted yet."""
    shape = {"factors": setting.factors, "regularization": setting.regularization, "alpha": setting.alpha}
    return AlternatingLeastSquares(**shape, iterations=ITERATIONS, num_threads=threads, random_state=SEED)


def fit_als(baskets: Baskets, setting: ALSSetting) -> Scores:
    """score(u, i) = x_u' y_i, from the number of baskets in which u bought i."""
    model = als(setting)
    with threadpool_limits(1, "blas"):  # implicit's threads and those of BLAS would wait for each other
        model.fit(_counts(baskets), show_progress=False)

    def scores(customers: Ints) -> Floats:
        return np.asarray(model.user_factors[customers] @ model.item_factors.T, np.float64)

    return scores


def fit_bm25(baskets: Baskets, setting: BM25Setting) -> Scores:
    """score(u, i) = sum over what u bought of baskets x similarity to i: what the library's `recommend` ranks by."""
    counts = _counts(baskets)
    model = ItemItemRecommender(K=setting.neighbours, num_threads=1)
    model.fit(
        bm25_weight(counts.T, setting.k1, setting.b).T.tocsr(), show_progress=False
    )  # BM25Recommender does this, and warns of its own table
    similarity = model.similarity.astype(np.float32)

    def scores(customers: Ints) -> Floats:
        return np.asarray((counts[customers] @ similarity).toarray(), np.float64)

    return scores


def _counts(baskets: Baskets) -> Any:
    return baskets.table(np.ones(len(baskets.product))).astype(np.float32)
