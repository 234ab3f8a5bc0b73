"""Which source finds what was then bought: the first stage's recall, source by source, and that of the candidates of all together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.affinity.asked import Asked
from training.affinity.backtest import Backtest
from training.affinity.candidates import DEPTH, first
from training.affinity.exams import Exam
from training.affinity.history import History, Ints
from training.affinity.recall import Recall, asked_of, columns_of
from training.affinity.sheets import AT, NEW, Sheet, chunks

MOST: Final = 500
"""Customers asked for this: the standard error of a share among them is at most 2.3 %."""
TOGETHER: Final = "all candidates together"


@dataclass(frozen=True)
class Found:
    """The rank, from 0, of every wanted product in every source's list, DEPTH where it is not in its first DEPTH.

    `rank` is (wanted pairs, sources); `row` the customer of each pair, of `wanted` (the number of products each wants).
    """

    sources: tuple[str, ...]
    row: Ints
    rank: Ints
    wanted: Ints


def sampled(tried: Backtest, most: int, rng: np.random.Generator) -> Ints:
    """At most so many customers of the newest cut, as codes, ascending."""
    everybody = np.unique(np.concatenate([exam.customers for exam in tried.asked.values()]))
    return everybody if len(everybody) <= most else np.sort(rng.choice(everybody, most, replace=False))


def found_by_source(history: History, exams: Mapping[str, Exam], recall: Recall, customers: Ints) -> dict[str, Found]:
    """What each source alone finds for these customers, by mode; every source that the data had, kept or not."""
    day = next(iter(exams.values())).day
    before = history.before(next(iter(exams.values())).cut)
    columns = columns_of(recall.range, history)
    asked = asked_of(before, day, columns, customers, products=len(recall.range.product_ids))
    pairs = {mode: _pairs(exam, customers, columns) for mode, exam in exams.items()}
    ranks: dict[str, list[Ints]] = {mode: [] for mode in exams}
    for start, stop in chunks(asked.customers, asked.products):
        part = asked.rows(start, stop)
        said = [source.scores(part) for source in recall.sources]
        for mode, (row, column) in pairs.items():
            mine = (row >= start) & (row < stop)
            ranks[mode].append(_ranks(said, part, row[mine] - start, column[mine], without_bought=mode == NEW))
    names = tuple(source.name for source in recall.sources)
    return {
        mode: Found(names, row, np.concatenate(ranks[mode]), np.bincount(row, minlength=len(customers))) for mode, (row, _) in pairs.items()
    }


def recall_table(found: Found, together: NDArray[np.float64], kept: Sequence[str]) -> pd.DataFrame:
    """source, recall at 10 and at 60, found by it alone, used: one row per source, best at 60 first, and one of all candidates together.

    Recall is the mean over customers of |first k and bought| / |bought| (as training.evaluation.ranking). Found alone is the share of all
    purchases found in anybody's first 60 that no other source has there. `together` are customers' recalls of the candidates that went on
    to the ranker: those of the sources in use, at most 120.
    """
    within = found.rank < DEPTH
    alone = within & (within.sum(axis=1, keepdims=True) == 1)
    table = pd.DataFrame(
        {
            "source": [name.replace("_", " ") for name in found.sources],
            f"recall at {AT}, %": 100.0 * _recall(found, found.rank < AT),
            f"recall at {DEPTH}, %": 100.0 * _recall(found, within),
            "found by it alone, %": 100.0 * alone.sum(axis=0) / max(int(within.any(axis=1).sum()), 1),
            "in use": ["yes" if name in kept else "no" for name in found.sources],
        }
    ).sort_values(f"recall at {DEPTH}, %", ascending=False, kind="stable")
    last = {"source": TOGETHER, f"recall at {DEPTH}, %": 100.0 * float(together.mean()), "in use": "yes"}
    return pd.concat([table, pd.DataFrame([last])], ignore_index=True)


def candidates_recall(sheet: Sheet, rows: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The share of what each customer bought that is among their candidates; of the customers marked in `rows`."""
    hits = np.bincount(sheet.row, sheet.hit, len(sheet.sizes))
    return np.asarray((hits / sheet.wanted)[rows], float)


def _recall(found: Found, hit: NDArray[np.bool_]) -> NDArray[np.float64]:
    some = found.wanted > 0
    hits = np.stack([np.bincount(found.row, hit[:, at], len(found.wanted)) for at in range(hit.shape[1])], axis=1)
    return np.asarray((hits[some] / found.wanted[some, None]).mean(axis=0), float)


def _pairs(exam: Exam, customers: Ints, columns: Ints) -> tuple[Ints, Ints]:
    """(row among `customers`, column) of what they wanted."""
    mine = np.isin(exam.customers[exam.row], customers)
    return np.searchsorted(customers, exam.customers[exam.row[mine]]), columns[exam.product[mine]]


def _ranks(said: Sequence[NDArray[np.float32]], asked: Asked, row: Ints, column: Ints, *, without_bought: bool) -> Ints:
    ranks = np.full((len(row), len(said)), DEPTH, np.int64)
    for one in np.unique(row):
        mine = np.flatnonzero(row == one)
        for at, scores in enumerate(said):
            top = first(scores[one], DEPTH, ~asked.had[one] if without_bought else None)
            place, rank = np.nonzero(column[mine][:, None] == top[None, :])
            ranks[mine[place], at] = rank
    return ranks
