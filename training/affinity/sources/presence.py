"""Who bought what, and in which basket, as sparse tables of length-one columns and damped rows."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags_array

from training.affinity.asked import Asked


def presence(asked: Asked) -> csr_matrix:
    """1 where a customer ever bought the product: (customers, products)."""
    pairs = asked.pairs
    return csr_matrix((np.ones(len(pairs.key), np.float32), (pairs.row, pairs.column)), shape=(asked.customers, asked.products))


def damped(table: csr_matrix) -> csr_matrix:
    """Columns divided by their length and rows by the root of theirs: a customer or basket of many products says less of each."""
    scaled = table @ diags_array(1.0 / np.sqrt(np.maximum(_sums(table, 0), 1.0)))
    return csr_matrix(diags_array(1.0 / np.sqrt(np.maximum(_sums(table, 1), 1.0))) @ scaled)


def _sums(table: csr_matrix, axis: int) -> NDArray[np.float64]:
    return np.asarray(table.sum(axis=axis), float).ravel()
