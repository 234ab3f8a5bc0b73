"""Product similarity: products bought by the same customers (item-item neighbours, cosine; Sarwar and others, 2001), with implicit."""

from typing import Final

import numpy as np
from implicit.nearest_neighbours import ItemItemRecommender
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags_array

NEIGHBOURS: Final = 50


def similarities(bought: csr_matrix, *, threads: int) -> csr_matrix:
    """How alike two products are, 0 to 1: row the product that was bought, column the one that may follow, (products, products).

    Every following product keeps its 50 nearest neighbours, itself left out. `bought` is (customers, products), any positive value.
    """
    length = np.sqrt(np.maximum(np.bincount(bought.indices, minlength=bought.shape[1]), 1))
    of_length_one = csr_matrix((1.0 / length[bought.indices], bought.indices, bought.indptr), shape=bought.shape)
    model = ItemItemRecommender(K=NEIGHBOURS + 1, num_threads=threads)
    model.fit(of_length_one, show_progress=False)
    near = csr_matrix(model.similarity - diags_array(model.similarity.diagonal()))
    near.eliminate_zeros()
    return csr_matrix(near.T, dtype=np.float32)


def similarity_scores(bought: csr_matrix, near: csr_matrix) -> NDArray[np.float32]:
    """Summed similarity to what a customer bought, as a share of their highest: (customers, products), 0 to 1."""
    presence = csr_matrix((np.ones(bought.nnz, np.float32), bought.indices, bought.indptr), shape=bought.shape)
    summed = np.asarray((presence @ near).toarray(), np.float32)
    highest = summed.max(axis=1, keepdims=True, initial=0.0)
    return np.asarray(summed / np.where(highest > 0.0, highest, 1.0), np.float32)
