"""EASE: the linear item-item model with a closed form (Steck, WWW 2019)."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from benchmarks.affinity_baskets import Baskets, Floats, Ints
from benchmarks.affinity_scores import Scores

MOST_PRODUCTS = 6_000
"""The products that are modelled, those in most baskets: a dense matrix of their number squared is inverted."""


@dataclass(frozen=True)
class Setting:
    """lambda, the weight of the squares of the coefficients."""

    lambda_: float


GRID = (Setting(100.0), Setting(300.0), Setting(1000.0), Setting(3000.0))


def fit(baskets: Baskets, setting: Setting) -> Scores:
    """score(u, .) = x_u B with P = (X'X + lambda I)^-1, B_ij = -P_ij / P_jj, B_jj = 0; X is 1 where a customer ever bought a product."""
    kept = np.sort(np.argsort(-np.bincount(baskets.product, minlength=len(baskets.product_ids)), kind="stable")[:MOST_PRODUCTS])
    X = baskets.bought().astype(np.float32)[:, kept]
    gram = (X.T @ X).toarray()
    gram[np.diag_indices_from(gram)] += setting.lambda_
    P = cho_solve(cho_factor(gram, lower=True, overwrite_a=True), np.eye(len(kept), dtype=np.float32), overwrite_b=True)
    B = P / -np.diag(P)
    B[np.diag_indices_from(B)] = 0.0

    def scores(customers: Ints) -> Floats:
        found = np.full((len(customers), len(baskets.product_ids)), 0.0)
        found[:, kept] = X[customers] @ B
        found[:, kept] -= np.minimum(found.min(axis=1, keepdims=True), 0.0)  # what is not modelled stays behind what is
        return found

    return scores
