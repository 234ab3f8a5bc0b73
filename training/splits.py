"""Splits that never look ahead: a model is tested on a cut-off, and learned only what was over before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True)
class Fold:
    """Train on these cut-offs, test on that one."""

    train: tuple[datetime, ...]
    test: datetime


def time_folds(cutoffs: Sequence[datetime], horizon_days: int, *, most: int = 3) -> list[Fold]:
    """Folds oldest first, ending with the newest cut-off; empty where no cut-off has another one horizon before it.

    Guarantees: every training label [cut, cut + horizon) ends at or before the test cut-off, and the label windows of two
    folds' tests do not overlap.
    """
    horizon = timedelta(days=horizon_days)
    folds: list[Fold] = []
    until: datetime | None = None
    for test in sorted(set(cutoffs), reverse=True):
        if until is not None and test + horizon > until:
            continue
        train = tuple(c for c in sorted(set(cutoffs)) if c + horizon <= test)
        if not train or len(folds) == most:
            break
        folds.append(Fold(train, test))
        until = test
    return folds[::-1]


def customer_parts(customer_ids: pd.Series, count: int) -> NDArray[np.int64]:
    """A part 0 .. count - 1 for every row, by customer alone: a customer's rows share one part, whatever the order of the rows."""
    hashes = pd.util.hash_array(customer_ids.astype("str").to_numpy(dtype=object))
    return (hashes % np.uint64(count)).astype(np.int64)
