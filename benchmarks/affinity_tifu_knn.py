"""TIFU-KNN: temporal item frequency, and that of the nearest customers (Hu, He, Gao and Zhang, SIGIR 2020)."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from benchmarks.affinity_baskets import Baskets, Floats, Ints
from benchmarks.affinity_scores import Scores


@dataclass(frozen=True)
class Setting:
    """The paper's symbols: baskets in a group m, decay within and between groups r_b and r_g, neighbours k, weight of one's own vector alpha."""

    m: int
    r_b: float
    r_g: float
    k: int
    alpha: float


GRID = (
    Setting(7, 1.0, 0.6, 300, 0.7),  # the paper's for ValuedShopper
    Setting(3, 0.9, 0.7, 900, 0.9),  # Instacart
    Setting(3, 0.9, 0.6, 900, 0.2),  # Dunnhumby
    Setting(7, 0.9, 0.7, 300, 0.7),  # Ta-Feng
    Setting(7, 0.9, 0.7, 300, 0.2),
    Setting(7, 0.9, 0.7, 100, 0.5),
    Setting(3, 0.6, 0.3, 100, 0.5),  # the newest baskets alone
)


def fit(baskets: Baskets, setting: Setting) -> Scores:
    """score(u, .) = alpha v_u + (1 - alpha) mean of v over the k customers with the smallest Euclidean distance, u not among them."""
    vectors = baskets.table(weights(baskets, setting)).astype(np.float32)
    squares = np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel()
    k = min(setting.k, vectors.shape[0] - 1)

    def scores(customers: Ints) -> Floats:
        own = vectors[customers]
        if k < 1:
            return np.asarray(own.toarray(), np.float64)
        apart = squares[customers][:, None] + squares[None, :] - 2.0 * (own @ vectors.T).toarray()
        apart[np.arange(len(customers)), customers] = np.inf
        nearest = np.argpartition(apart, k - 1, axis=1)[:, :k]
        member = csr_matrix(
            (np.full(nearest.size, 1.0 / k), nearest.ravel(), np.arange(len(customers) + 1) * k), (len(customers), len(squares))
        )
        return np.asarray((setting.alpha * own + (1.0 - setting.alpha) * (member @ vectors)).toarray(), np.float64)

    return scores


def weights(baskets: Baskets, setting: Setting) -> Floats:
    """What an entry adds to its customer's vector.

    A customer's baskets are grouped by m, from the newest on, so that the oldest group may be smaller. A group's vector is the mean of its baskets,
    the j-th from its end times r_b^j; the customer's that of the groups, the g-th from the end times r_g^g.
    """
    group, within = np.divmod(baskets.place, setting.m)
    group_count = -(-baskets.basket_count // setting.m)
    size = np.minimum(setting.m, baskets.basket_count - group * setting.m)
    found: Floats = setting.r_b**within / size * setting.r_g**group / group_count
    return found
