"""The fitted sources as one .npz of plain arrays: no pickle, ids as fixed-width text."""

from pathlib import Path
from typing import Final

import numpy as np
from scipy.sparse import csr_matrix

from training.affinity.matrix_factorisation import Factors
from training.affinity.recall import HalfLives, Recall

ARRAYS: Final = "recall.npz"


def write_recall(folder: Path, recall: Recall) -> None:
    """Writes the sources into `folder`."""
    factors = recall.factors.products if recall.factors is not None else np.zeros((0, 0), np.float32)
    near = recall.near
    np.savez(
        folder / ARRAYS,
        product_ids=recall.product_ids,
        popularity=recall.popularity,
        factors=factors,
        near_data=near.data,
        near_indices=near.indices,
        near_indptr=near.indptr,
    )


def read_recall(folder: Path, half_lives: HalfLives) -> Recall:
    """The sources that were written into `folder`."""
    with np.load(folder / ARRAYS, allow_pickle=False) as read:
        products = len(read["product_ids"])
        near = csr_matrix((read["near_data"], read["near_indices"], read["near_indptr"]), shape=(products, products))
        factors = Factors(read["factors"]) if read["factors"].size else None
        return Recall(read["product_ids"], read["popularity"], factors, near, half_lives)
