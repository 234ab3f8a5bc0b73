"""Similar customers: what groups of customers with like baskets buy, near groups counting most (after TIFU-KNN; Hu and others, 2020).

TIFU-KNN asks the nearest customers, and so keeps everybody's purchases in the model. Here customers are gathered into groups of at least
twenty or so by k-means, and only the groups' means are kept: nobody's own purchases are in a model, and asking costs the same in any shop.
"""

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final

import numpy as np
from scipy.sparse import csr_matrix, diags_array

from training.affinity.asked import Asked
from training.affinity.history import Ints
from training.affinity.sources.source import Arrays, Floats32, Material

FADING: Final = 0.9  # of a basket's weight against the one after it, as in the paper
CUSTOMERS_PER_GROUP: Final = 20
MOST_GROUPS: Final = 200
NEAREST: Final = 10  # groups that are asked
MOST_PRODUCTS: Final = 20_000  # of the most popular ones: the rest is too seldom to tell groups apart
MOST_CUSTOMERS: Final = 50_000  # gathered; more change no mean


@dataclass(frozen=True)
class SimilarCustomers:
    """`profiles` (groups, products): the mean share of a group's baskets that hold the product."""

    profiles: Floats32
    name: ClassVar[str] = "similar_customers"

    def scores(self, asked: Asked) -> Floats32:
        """The mean of the nearest ten groups' profiles, weighted by the cosine with the customer's own shares; nobody's purchases give 0."""
        own = asked.pairs.column < self.profiles.shape[1]
        row, column, share = asked.pairs.row[own], asked.pairs.column[own], asked.shares(per_basket=FADING)[own].astype(np.float32)
        said = np.zeros((asked.customers, asked.products), np.float32)
        begin = np.searchsorted(row, np.arange(asked.customers + 1))
        for one in range(asked.customers):
            mine = slice(begin[one], begin[one + 1])
            likeness = self._of_length_one[column[mine]].T @ share[mine]
            near = np.argsort(-likeness, kind="stable")[:NEAREST]
            weight = likeness[near]
            if weight.sum() > 0.0:
                said[one, : self.profiles.shape[1]] = (weight / weight.sum()) @ self.profiles[near]
        return said

    @cached_property
    def _of_length_one(self) -> Floats32:
        """(products, groups): what somebody's own products are to every group then lies together."""
        length = np.linalg.norm(self.profiles, axis=1, keepdims=True)
        return np.ascontiguousarray((self.profiles / np.maximum(length, 1e-9)).T, np.float32)

    def arrays(self) -> Arrays:
        """The groups' profiles."""
        return {"profiles": self.profiles}


def fit(material: Material) -> SimilarCustomers | None:
    """None where there are customers for fewer than two groups."""
    table = _shares(material.everybody)
    buyers = np.flatnonzero(np.diff(table.indptr))
    rng = np.random.default_rng(material.seed)
    drawn = np.sort(rng.permutation(buyers)[:MOST_CUSTOMERS])
    groups = min(MOST_GROUPS, len(drawn) // CUSTOMERS_PER_GROUP)
    if groups < 2:
        return None
    known = csr_matrix(table[drawn])
    length = np.sqrt(np.asarray(known.multiply(known).sum(axis=1), float).ravel())
    of = _groups(csr_matrix(diags_array(1.0 / length) @ known), groups, material.seed)
    member = csr_matrix((np.ones(len(of), np.float32), (of, np.arange(len(of)))), shape=(groups, len(of)))
    size = np.maximum(np.bincount(of, minlength=groups), 1)[:, None]
    return SimilarCustomers(np.asarray((member @ known).toarray() / size, np.float32))


def _groups(of_length_one: csr_matrix, groups: int, seed: int) -> Ints:
    from sklearn.cluster import MiniBatchKMeans  # noqa: PLC0415 - seconds of CPU that only who learns need spend
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415 - seconds of CPU that only who learns need spend

    means = MiniBatchKMeans(groups, random_state=seed, n_init=1, batch_size=4096, max_iter=20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct customers than groups: some stay empty, which is right
        return np.asarray(means.fit_predict(of_length_one), np.int64)


def read(arrays: Arrays) -> SimilarCustomers:
    """From `arrays`."""
    return SimilarCustomers(arrays["profiles"])


def _shares(asked: Asked) -> csr_matrix:
    pairs, products = asked.pairs, min(asked.products, MOST_PRODUCTS)
    own = pairs.column < products
    share = asked.shares(per_basket=FADING)[own].astype(np.float32)
    return csr_matrix((share, (pairs.row[own], pairs.column[own])), shape=(asked.customers, products))
