"""From what the sources say to lists: blend, leave out what may not be shown, and keep the best n with the source that says most."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.affinity.blend import Weights
from training.affinity.history import Ints, PurchaseDays
from training.affinity.recall import POPULARITY, SOURCES, Recall, blended
from training.affinity.top import BLOCKED, best, keys


@dataclass(frozen=True)
class Ranked:
    """Lists, best first: (customers, ranks) of columns (BLOCKED where a list is shorter), scores, and indices into SOURCES."""

    columns: Ints
    scores: NDArray[np.float32]
    sources: Ints


def ranked(
    recall: Recall, days: PurchaseDays, n: int, weights: Weights, *, exclude_purchased: bool, offered: NDArray[np.bool_] | None
) -> Ranked:
    """The best `n` products of every customer in `days`; `offered` says which columns may be shown, None all."""
    said = recall.contributions(days)
    scores = blended(said, weights)
    ordered = keys(scores, np.arange(days.products), days.products)
    if exclude_purchased:
        ordered[days.bought()] = BLOCKED
    if offered is not None:
        ordered[:, ~offered] = BLOCKED
    columns = best(ordered, n)
    left_out = np.take_along_axis(ordered, columns, axis=1) == BLOCKED
    return Ranked(np.where(left_out, BLOCKED, columns), np.take_along_axis(scores, columns, axis=1), _loudest(said, columns, weights))


def _loudest(said: NDArray[np.float32], columns: Ints, weights: Weights) -> Ints:
    """The source with the greatest share of each score; popularity, which fills lists, where none has any."""
    weight = np.asarray([weights.get(source, 0.0) for source in SOURCES], np.float32)
    parts = np.take_along_axis(said, columns[None, :, :], axis=2) * weight[:, None, None]
    return np.where(parts.max(axis=0) > 0.0, parts.argmax(axis=0), SOURCES.index(POPULARITY)).astype(np.int64)
