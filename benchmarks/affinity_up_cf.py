"""UP-CF: recency-aware collaborative filtering by popularity within each customer (Faggioli, Polato and Aiolli, UMAP 2020)."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from benchmarks.affinity_baskets import Baskets, Floats, Ints
from benchmarks.affinity_scores import Scores

NEGLIGIBLE = 1e-6
"""Of the greatest similarity, which is a customer's own: what is below adds nothing that is seen, and costs time."""


@dataclass(frozen=True)
class Setting:
    """The paper's symbols: baskets that count r, exponent of similarity q (locality), asymmetry alpha of the cosine."""

    r: int
    q: int
    alpha: float


GRID = tuple(
    Setting(r, q, alpha) for r, (q, alpha) in product((1, 5, 25, 100), ((5, 0.25), (5, 0.5), (10, 0.5), (10, 0.75), (50, 0.5), (1, 0.5)))
)


def fit(baskets: Baskets, setting: Setting) -> Scores:
    """score(u, i) = sum over customers v, u among them, of sim(u, v)^q pi_v(i).

    pi_v(i) is the share of v's last r baskets that hold i; sim(u, v) = |I_u and I_v| / (|I_u|^alpha |I_v|^(1 - alpha)), I_u what u ever bought.
    """
    counted = np.minimum(baskets.basket_count, setting.r)
    popularity = baskets.table(np.where(baskets.place < setting.r, 1.0 / counted, 0.0))
    bought = baskets.bought()
    sizes = np.asarray(bought.sum(axis=1)).ravel()
    left, right = sizes**-setting.alpha, sizes ** (setting.alpha - 1.0)

    def scores(customers: Ints) -> Floats:
        near = (bought[customers] @ bought.T).tocsr()
        rows = np.repeat(np.arange(len(customers)), np.diff(near.indptr))
        near.data = (near.data * left[customers][rows] * right[near.indices]) ** setting.q
        near.data[near.data < NEGLIGIBLE * np.maximum.reduceat(near.data, near.indptr[:-1])[rows]] = 0.0
        near.eliminate_zeros()
        found: Floats = (near @ popularity).toarray()
        return found

    return scores
