"""The products with the greatest inner product with a query, exactly: longest vectors first, until none that is left can still win.

No product scores more than |x||y| (Cauchy and Schwarz), so that a search which takes products by falling length ends as soon as the k-th
best score so far beats the length of the next times the query's (Teflioudi, Gemulla and Mykytiuk, 2015, LEMP). Learned factors are long for
what sells much, and short in the long tail: of a million products a few per cent are looked at.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

Floats32 = NDArray[np.float32]
Floats64 = NDArray[np.float64]
Columns = NDArray[np.int64]
Mask = NDArray[np.bool_]

HEAD: Final = 2**17  # the longest products, of which a sorted copy is kept: 32 MB with 64 factors
FIRST: Final = 2**12  # how many are looked at before the first question whether that was enough; doubled each time
ROUNDED_UP: Final = 1.0 + 1e-9  # for the rounding of lengths


@dataclass(frozen=True)
class Found:
    """Columns and scores, best first, equal scores by column; and how many products were looked at for them."""

    columns: Columns
    scores: Floats64
    looked_at: int


@dataclass(frozen=True)
class ExactSearch:
    """Products (products, d) as they are, and the longest again, sorted by falling length; the lengths of both."""

    products: Floats32
    lengths: Floats64
    head: Floats32
    head_lengths: Floats64
    head_columns: Columns

    @classmethod
    def over(cls, products: Floats32) -> Self:
        """A search over these product vectors, which are kept and not copied."""
        lengths = np.sqrt(np.einsum("ij,ij->i", products, products, dtype=np.float64))
        longest = np.argsort(-lengths, kind="stable")[:HEAD]
        return cls(products, lengths, products[longest], lengths[longest], longest)

    def top(self, query: Floats32, k: int, allowed: Mask | None = None) -> Found:
        """The best `k` for one query (d,), of those that `allowed` (products,) marks; fewer where there are fewer."""
        if k <= 0 or not query.any():  # all score alike
            first = np.arange(min(max(k, 0), len(self.products))) if allowed is None else np.flatnonzero(allowed)[: max(k, 0)]
            return Found(first, np.zeros(len(first)), 0)
        columns, looked_at = self._near_the_head(query, k, allowed)
        if columns is None:
            columns = np.arange(len(self.products)) if allowed is None else np.flatnonzero(allowed)
            scores, looked_at = (self.products @ query)[columns], len(self.products)
            columns = columns[_may_win(scores, self._doubt(self.lengths[columns], query), k)[0]]
        return Found(*best_first(self.products, columns, query, k), looked_at)

    def _near_the_head(self, query: Floats32, k: int, allowed: Mask | None) -> tuple[Columns | None, int]:
        """Every column that may be among the best, and how many were looked at; None where one beyond the head still could."""
        columns, scores, doubt = np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0)
        least, seen, reach = -np.inf, 0, len(self.head)
        while seen < reach:
            fresh = slice(seen, min(reach, max(FIRST, 2 * seen)))
            found, may_win = self._in_head(fresh, query, least, allowed)
            columns = np.concatenate([columns, self.head_columns[fresh][may_win]])
            scores = np.concatenate([scores, found[may_win]])
            doubt = np.concatenate([doubt, self._doubt(self.head_lengths[fresh][may_win], query)])
            may_win, least = _may_win(scores, doubt, k)
            columns, scores, doubt = columns[may_win], scores[may_win], doubt[may_win]
            seen, reach = fresh.stop, self._reach(least, query)
        return (columns if reach < len(self.head) or len(self.head) == len(self.products) else None), seen

    def _reach(self, least: float, query: Floats32) -> int:
        """How many of the head are long enough to score `least`."""
        shorter = np.searchsorted(self.head_lengths[::-1], least / (_length(query) * ROUNDED_UP))
        return len(self.head) - int(shorter)

    def _in_head(self, part: slice, query: Floats32, least: float, allowed: Mask | None) -> tuple[Floats32, Mask]:
        """The scores of a part of the head, and which of them may be among the best when those score `least` or more."""
        scores = self.head[part] @ query
        may_win = scores + self._doubt(self.head_lengths[part], query) >= least
        return scores, may_win if allowed is None else may_win & allowed[self.head_columns[part]]

    @staticmethod
    def _doubt(lengths: Floats64, query: Floats32) -> Floats64:
        """How far a float32 inner product may be off, in whatever order it is summed (Higham, 2002, equation 3.5)."""
        step = (len(query) + 2) * float(np.finfo(np.float32).eps)
        return lengths * (step * _length(query))


def best_first(products: Floats32, columns: Columns, query: Floats32, k: int) -> tuple[Columns, Floats64]:
    """The best `k` of these columns by their inner product in float64, equal ones by column: columns and scores."""
    best, scores = np.zeros(0, np.int64), np.zeros(0)
    for start in range(0, len(columns), HEAD):  # more than one part only where very many score alike
        part = columns[start : start + HEAD]
        best = np.concatenate([best, part])
        scores = np.concatenate([scores, (products[part].astype(np.float64) * query).sum(axis=1)])  # equal vectors get equal scores
        order = np.lexsort((best, -scores))[:k]
        best, scores = best[order], scores[order]
    return best, scores


def _may_win(scores: Floats32, doubt: Floats64, k: int) -> tuple[Mask, float]:
    """Which may be among the best `k` when scores are right to within `doubt`, and what the k-th best scores at least."""
    surely = scores - doubt
    least = float(np.partition(surely, len(surely) - k)[len(surely) - k]) if len(surely) >= k else -np.inf
    return scores + doubt >= least, least


def _length(query: Floats32) -> float:
    return float(np.linalg.norm(query.astype(np.float64)))
