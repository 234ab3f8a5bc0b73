"""Candidate sheets: the best of every source for the customers of an exam, with what the sources said, so that weights can be tried fast."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.affinity.blend import NEW, Sheet
from training.affinity.exams import Exam
from training.affinity.history import History, Ints
from training.affinity.recall import SOURCES, Recall
from training.affinity.top import BLOCKED, best, keys

DEPTH: Final = 100  # candidates taken from each source


def sheet(history: History, exam: Exam, recall: Recall, mode: str, sources: Sequence[str] = SOURCES) -> Sheet:
    """The candidates of `sources` for every customer of the exam, asked with what was known before its cut.

    In mode `new` products that a customer had bought are no candidates.
    """
    days = recall.days(history.before(exam.cut), exam.customers)
    products = len(recall.product_ids)
    wanted = np.unique(exam.row * products + recall.columns(history.product_ids.tolist())[exam.product])
    columns, said = [], []
    for start in range(0, len(exam.customers), recall.chunk()):
        stop = min(start + recall.chunk(), len(exam.customers))
        asked = days.rows(start, stop)
        spoken = recall.contributions(asked)
        blocked = asked.bought() if mode == NEW else None
        chosen = _candidates([spoken[SOURCES.index(s)] for s in sources], blocked)
        columns.append(chosen)
        said.append(np.take_along_axis(spoken, np.maximum(chosen, 0)[None, :, :], axis=2))
    every = np.concatenate(columns)
    hits = np.isin(np.arange(len(every))[:, None] * products + every, wanted) & (every != BLOCKED)
    return Sheet(every, np.concatenate(said, axis=1), hits, exam.wanted_counts, products)


def _candidates(spoken: Sequence[NDArray[np.float32]], blocked: NDArray[np.bool_] | None) -> Ints:
    """The first hundred of every source, each product once; BLOCKED fills the rest: (customers, sources x depth)."""
    found = [_first(scores, blocked) for scores in spoken]
    columns = np.sort(np.concatenate(found, axis=1), axis=1)
    columns[:, 1:][columns[:, 1:] == columns[:, :-1]] = BLOCKED
    return columns


def _first(scores: NDArray[np.float32], blocked: NDArray[np.bool_] | None) -> Ints:
    products = scores.shape[1]
    ranked = keys(scores, np.arange(products), products)
    if blocked is not None:
        ranked[blocked] = BLOCKED
    columns = best(ranked, DEPTH)
    return np.where(np.take_along_axis(ranked, columns, axis=1) == BLOCKED, BLOCKED, columns)
