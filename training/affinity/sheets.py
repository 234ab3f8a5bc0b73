"""Candidate sheets: the candidates of an exam's customers, their features, and which of them were bought. Rankers learn and are measured here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from training.affinity.asked import Asked
from training.affinity.candidates import candidates, first
from training.affinity.exams import Exam
from training.affinity.history import History, Ints
from training.affinity.pair_features import names, pair_features
from training.affinity.recall import Recall, asked_of, columns_of
from training.affinity.sources.source import Floats32
from training.evaluation.ranking import Hits, ndcg_at

ALL: Final = "all"
NEW: Final = "new"
AT: Final = 10  # ranks that count
CELLS: Final = 2_000_000  # customers x products scored at once
TIE_BREAK: Final = np.float32(1e-6)


@dataclass(frozen=True)
class Sheet:
    """Candidates of the customers of an exam, by customer: `column`, features and `hit` by candidate, `sizes`, `wanted` and `plain` by customer.

    `plain` are the hits of the first ten of personal frequency (of popularity in mode `new`). `ranks` is (candidates, sources), 1 / (5 + rank).
    """

    sources: tuple[str, ...]
    row: Ints
    column: Ints
    ranks: Floats32
    features: Floats32
    hit: NDArray[np.bool_]
    sizes: Ints
    wanted: Ints
    plain: Hits

    @property
    def names(self) -> tuple[str, ...]:
        """The features' names."""
        return names(self.sources)

    def feature(self, name: str) -> Floats32:
        """One feature's column."""
        column: Floats32 = self.features[:, self.names.index(name)]
        return column

    def top(self, scores: NDArray[np.floating], k: int = AT) -> Hits:
        """Whether each of the first `k` by these scores is wanted: (customers, k); equals in the order of columns."""
        chosen, rank = self.first(scores, k)
        hits = np.zeros((len(self.sizes), k), bool)
        hits[self.row[chosen], rank] = self.hit[chosen]
        return hits

    def first(self, scores: NDArray[np.floating], k: int = AT) -> tuple[Ints, Ints]:
        """Which candidates are the first `k` of their customers by these scores, by customer and rank; and their ranks, from 0."""
        order = np.lexsort((-scores, self.row))
        rank = np.arange(len(order)) - np.repeat(np.cumsum(self.sizes) - self.sizes, self.sizes)
        kept = rank < k
        return order[kept], rank[kept]

    def ndcg(self, scores: NDArray[np.floating], k: int = AT) -> NDArray[np.float64]:
        """NDCG@k of each customer by these scores."""
        return ndcg_at(self.top(scores, k), self.wanted, k)

    def learnable(self) -> "Sheet":
        """Without the customers of whose candidates none was bought."""
        taught = np.bincount(self.row, self.hit, len(self.sizes)) > 0
        kept = taught[self.row]
        return replace(
            self,
            row=(np.cumsum(taught) - 1)[self.row[kept]],
            column=self.column[kept],
            ranks=self.ranks[kept],
            features=self.features[kept],
            hit=self.hit[kept],
            sizes=self.sizes[taught],
            wanted=self.wanted[taught],
            plain=self.plain[taught],
        )

    def with_sources(self, kept: Sequence[str]) -> "Sheet":
        """As if there were only these sources; candidates stay."""
        places = [i for i, source in enumerate(self.sources) if source in kept]
        every, number = list(range(self.features.shape[1])), len(self.sources)
        columns = [*places, *(number + i for i in places), *every[2 * number :]]
        features, ranks = self.features[:, columns], self.ranks[:, places]
        features[:, 2 * len(places)] = ranks.sum(axis=1)
        return replace(self, sources=tuple(self.sources[i] for i in places), ranks=ranks, features=features)


def sheet(history: History, exam: Exam, recall: Recall, mode: str) -> Sheet:
    """The candidates for every customer of the exam, asked with what was known before its cut.

    In mode `new` products that a customer had bought are no candidates.
    """
    asked, wanted = _question(history, exam, recall)
    with threadpool_limits(1, "blas"):
        parts = [_part(asked.rows(start, stop), recall, mode, wanted, start) for start, stop in chunks(asked.customers, asked.products)]
    row, column, ranks, features, hit, plain = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    sizes = np.bincount(row, minlength=asked.customers)
    return Sheet(tuple(s.name for s in recall.sources), row, column, ranks, features, hit, sizes, exam.wanted_counts, plain)


def plain_hits(history: History, exam: Exam, recall: Recall, mode: str) -> Hits:
    """The hits of the baseline's first ten for every customer of the exam: (customers, 10)."""
    asked, wanted = _question(history, exam, recall)
    return np.concatenate(
        [_plain_part(asked.rows(start, stop), recall, mode, wanted, start) for start, stop in chunks(asked.customers, asked.products)]
    )


def chunks(customers: int, products: int) -> list[tuple[int, int]]:
    """Customers to score at once: [start, stop)."""
    step = max(1, CELLS // max(1, products))
    return [(start, min(start + step, customers)) for start in range(0, customers, step)]


def plain_scores(said: Sequence[Floats32], sources: Sequence[str]) -> Floats32:
    """Personal frequency with popularity as its tie-break: (customers, products). The baseline."""
    by_name = dict(zip(sources, said, strict=True))
    plain: Floats32 = by_name["personal_frequency"] + TIE_BREAK * by_name["popularity"]
    return plain


def _question(history: History, exam: Exam, recall: Recall) -> tuple[Asked, Ints]:
    """The customers as of the cut, and what they wanted: row x products + column, sorted."""
    columns = columns_of(recall.range, history)
    asked = asked_of(history.before(exam.cut), exam.day, columns, exam.customers, products=len(recall.range.product_ids))
    return asked, np.unique(exam.row * asked.products + columns[exam.product])


def _plain_part(asked: Asked, recall: Recall, mode: str, wanted: Ints, start: int) -> Hits:
    said = [source.scores(asked) for source in recall.sources]
    return _plain_hits(asked, said, recall, asked.had if mode == NEW else None, wanted, start)


def _part(
    asked: Asked, recall: Recall, mode: str, wanted: Ints, start: int
) -> tuple[Ints, Ints, Floats32, Floats32, NDArray[np.bool_], Hits]:
    said = [source.scores(asked) for source in recall.sources]
    blocked = asked.had if mode == NEW else None
    chosen = candidates(said, orders=recall.orders(asked), blocked=blocked)
    features = pair_features(asked, recall.range, said, chosen)
    hit = np.isin((chosen.row + start) * asked.products + chosen.column, wanted)
    return chosen.row + start, chosen.column, chosen.ranks, features, hit, _plain_hits(asked, said, recall, blocked, wanted, start)


def _plain_hits(
    asked: Asked, said: Sequence[Floats32], recall: Recall, blocked: NDArray[np.bool_] | None, wanted: Ints, start: int
) -> Hits:
    scores = plain_scores(said, [source.name for source in recall.sources])
    tops = [first(scores[row], AT, None if blocked is None else ~blocked[row]) for row in range(asked.customers)]
    lengths = [len(top) for top in tops]
    row = np.repeat(np.arange(asked.customers), lengths)
    hits = np.zeros((asked.customers, AT), bool)
    hits[row, np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)] = np.isin(
        (row + start) * asked.products + np.concatenate(tops), wanted
    )
    return hits
