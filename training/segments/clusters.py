"""Groups of like customers: how many there are, where they lie, and which of them are the ones that were found before."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]
FEWEST: Final = 3
MOST: Final = 8
MOST_JUDGED: Final = 2_000  # the silhouette takes the square of this many rows
GOOD: Final = 0.8  # of the best quality: of the numbers of groups that reach it the largest is taken, for few groups tell little
KEPT: Final = 0.7  # of the best quality: former groups that reach it are kept, for labels that last are worth more
SAME: Final = (
    0.3  # of the customers of two groups together, so many must be in both for them to be one and the same (less for each spread apart)
)
SMALLEST: Final = 0.02  # share of the customers below which a group is none


@dataclass(frozen=True)
class Found:
    """Where the groups' middles lie (group x trait), and how good they are: silhouette times agreement of two halves, 0 to 1."""

    centres: Floats
    quality: float


def nearest(points: Floats, centres: Floats) -> Labels:
    """The group of every point: the nearest middle, of equally near ones the first."""
    distances = np.stack(
        [((points - centre) ** 2).sum(axis=1) for centre in centres]
    )  # row by row the same sum, however many rows there are
    return np.asarray(distances.argmin(axis=0))


def find(points: Floats, former: Floats | None, rng: np.random.Generator) -> Found:
    """The most groups, between FEWEST and MOST, that are about as good as the best; the former ones, moved to where their customers are now, where they do."""
    tried = [_judged(points, _fitted(points, k, rng), rng) for k in range(FEWEST, MOST + 1)]
    best = max(found.quality for found in tried)
    fresh = [found for found in tried if found.quality >= GOOD * best][-1]
    if former is None:
        return fresh
    kept = _judged(points, _middles(points, len(former), init=former, n_init=1), rng)
    return kept if kept.quality >= KEPT * best else fresh


def match(now: Labels, before: Labels, distances: Floats, *, former: Sequence[str], used: Sequence[str]) -> list[str]:
    """The label of every group now: that of the former group whose customers it has (Hungarian assignment), or a letter never used before.

    `now` and `before` are the same customers' groups by the new and by the former middles, `distances` (group x former group) how far the middles
    lie apart: customers who are new fall to some former group, too, and do not make theirs out of it.
    """
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - seconds of CPU that only who learns need spend

    shared = np.zeros(distances.shape)
    np.add.at(shared, (now, before), 1.0)
    together = shared.sum(axis=1)[:, None] + shared.sum(axis=0)[None, :] - shared
    likeness = shared / np.maximum(together, 1.0) / (1.0 + distances)
    pairs = {int(i): int(j) for i, j in zip(*linear_sum_assignment(-likeness), strict=True) if likeness[i, j] >= SAME}
    fresh = letters({*used, *former})
    return [former[pairs[i]] if i in pairs else next(fresh) for i in range(len(distances))]


def letters(used: set[str]) -> Iterator[str]:
    """A, B, ..., Z, AA, AB, ..., without those used."""
    number = 0
    while True:
        number, rest, name = number + 1, number + 1, ""
        while rest:
            rest, digit = divmod(rest - 1, 26)
            name = chr(ord("A") + digit) + name
        if name not in used:
            yield name


def _fitted(points: Floats, k: int, rng: np.random.Generator) -> Floats:
    return _middles(points, k, n_init=4, random_state=int(rng.integers(2**31)))


def _middles(points: Floats, k: int, **given: Any) -> Floats:
    from sklearn.cluster import KMeans  # noqa: PLC0415 - seconds of CPU that only who learns need spend
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415 - seconds of CPU that only who learns need spend

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # many equal customers: the empty group that comes of it is judged, and refused
        return np.asarray(KMeans(k, **given).fit(points).cluster_centers_, float)


def _judged(points: Floats, centres: Floats, rng: np.random.Generator) -> Found:
    """Quality is 0 where a group is nearly empty."""
    from sklearn.metrics import adjusted_rand_score, silhouette_score  # noqa: PLC0415 - seconds of CPU that only who learns need spend

    sample = points[rng.permutation(len(points))[:MOST_JUDGED]]
    labels = nearest(sample, centres)
    if len(np.unique(labels)) < len(centres) or np.bincount(nearest(points, centres)).min() < SMALLEST * len(points):
        return Found(centres, 0.0)
    half = rng.permutation(len(points))
    halves = [_fitted(points[half[i::2]], len(centres), rng) for i in (0, 1)]
    agreement = adjusted_rand_score(nearest(sample, halves[0]), nearest(sample, halves[1]))
    return Found(centres, max(float(silhouette_score(sample, labels)), 0.0) * max(float(agreement), 0.0))
