"""Customers to look at: what they bought before, what they would have been shown, and what they then bought. Drawn by rule, with a seed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.affinity.asked import Asked
from training.affinity.backtest import Backtest
from training.affinity.because import bought_together, explained, on
from training.affinity.exams import Exam
from training.affinity.history import History, Ints
from training.affinity.ranked import BOUGHT
from training.affinity.recall import Recall, asked_of, columns_of
from training.affinity.report.shown import Shown
from training.affinity.sheets import ALL, NEW

BEFORE: Final = 10  # products told of what was bought before
AFTER: Final = 20  # and of what was bought after


@dataclass(frozen=True)
class Own:
    """A product that somebody bought: its name, on how many days, and when last."""

    name: str
    times: int
    last: str


@dataclass(frozen=True)
class Offer:
    """A product that would have been shown, why, and whether they bought it."""

    name: str
    because: str
    bought: bool


@dataclass(frozen=True)
class Example:
    """One customer at the cut: `before` are their most frequent products of `products`, `after` the first of `wanted` (name, whether it was shown)."""

    why: str
    customer_id: str
    baskets: int
    products: int
    before: tuple[Own, ...]
    offers: tuple[Offer, ...]
    new_offers: tuple[Offer, ...]
    after: tuple[tuple[str, bool], ...]
    wanted: int


def kinds(asked: Asked) -> dict[str, NDArray[np.bool_]]:
    """Who may stand for each kind of customer, by row."""
    number, pairs, n = asked.baskets.number, asked.pairs, asked.customers
    products = np.maximum(np.bincount(pairs.row, minlength=n), 1)
    repeated = np.bincount(pairs.row, pairs.count > 1, n) / products
    often = number >= 5
    most = np.quantile(repeated[often], 0.9) if often.any() else 1.0
    silent = asked.day - asked.baskets.last
    looked = np.zeros(n, bool)
    looked[asked.wanted.row[asked.wanted.open]] = True
    return {
        "Buys the same things again and again": often & (repeated >= most) & (repeated > 0),
        "Bought once": number == 1,
        "Came back once or twice": (number == 2) | (number == 3),
        "A regular": (number >= 4) & (number < 10),
        "Buys often": number >= 10,
        "Tries much, repeats little": often & (repeated <= np.quantile(repeated[often], 0.1) if often.any() else False),
        "Away for long": (number > 1) & (silent >= np.quantile(silent, 0.95)),
        "Looked at things lately": looked,
    }


def drawn(asked: Asked, rng: np.random.Generator) -> dict[str, int]:
    """Kind of customer -> row: one drawn for each kind that somebody is of, nobody twice."""
    chosen: dict[str, int] = {}
    for kind, may in kinds(asked).items():
        free = np.setdiff1d(np.flatnonzero(may), list(chosen.values()))
        if len(free):
            chosen[kind] = int(rng.choice(free))
    return chosen


def examples(
    tried: Backtest, lists: Mapping[str, Shown], history: History, names: Mapping[str, str], rng: np.random.Generator
) -> tuple[Example, ...]:
    """Up to eight customers of the newest cut. `lists` are what is shown in each mode, `names` what products are called; () where nobody was asked."""
    if tried.recall is None or ALL not in tried.asked:
        return ()
    exam, recall = tried.asked[ALL], tried.recall
    columns = columns_of(recall.range, history)
    asked = asked_of(history.before(exam.cut), exam.day, columns, exam.customers, products=len(recall.range.product_ids))
    told = _Telling(tried, lists, recall, names)
    return tuple(
        told.example(
            kind, row, str(history.customer_ids[exam.customers[row]]), asked.rows(row, row + 1), columns[exam.product[exam.row == row]]
        )
        for kind, row in drawn(asked, rng).items()
    )


@dataclass(frozen=True)
class _Telling:
    tried: Backtest
    lists: Mapping[str, Shown]
    recall: Recall
    names: Mapping[str, str]

    def example(self, kind: str, row: int, customer_id: str, asked: Asked, wanted: Ints) -> Example:
        found = self.lists[ALL].of(row)
        new = self._new_row(self.tried.asked[ALL], row)
        offers, pairs = self._offers(found, ALL, asked), asked.pairs
        most = np.lexsort((-pairs.last, -pairs.count))[:BEFORE]
        before = (Own(self._name(int(pairs.column[at])), int(pairs.count[at]), on(int(pairs.last[at]))) for at in most)
        there = np.isin(wanted, found.column)
        after = [(self._name(int(wanted[at])), bool(there[at])) for at in np.argsort(~there, kind="stable")[:AFTER]]
        new_offers = () if new is None else self._offers(self.lists[NEW].of(new), NEW, asked)
        baskets = int(asked.baskets.number[0])
        return Example(kind, customer_id, baskets, len(pairs.row), tuple(before), offers, new_offers, tuple(after), len(wanted))

    def _new_row(self, exam: Exam, row: int) -> int | None:
        if NEW not in self.lists:
            return None
        found = np.flatnonzero(self.tried.asked[NEW].customers == exam.customers[row])
        return int(found[0]) if len(found) else None

    def _offers(self, found: Shown, mode: str, asked: Asked) -> tuple[Offer, ...]:
        names = self.tried.sheets[mode].sources
        sources = [BOUGHT if had else names[at] for at, had in zip(found.source.tolist(), found.had.tolist(), strict=True)]
        told = explained(found.column, found.score.tolist(), sources, asked, self.recall)
        rows = zip(told, found.column.tolist(), found.hit.tolist(), strict=True)
        return tuple(Offer(self._name(column), self._named(one.because, one.because_of), hit) for one, column, hit in rows)

    def _name(self, column: int) -> str:
        product_id = str(self.recall.range.product_ids[column])
        return self.names.get(product_id) or product_id

    def _named(self, because: str, product_id: str | None) -> str:
        """The reason with the name of the product that it names by id."""
        said = bought_together(product_id or "")
        if product_id is None or not because.startswith(said):
            return because
        return bought_together(self.names.get(product_id) or product_id) + because.removeprefix(said)
