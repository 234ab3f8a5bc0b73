"""The contest: ranker, blend and personal frequency meet at the newest cut, each taught by older ones alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.affinity.exams import Exam
from training.affinity.history import History
from training.affinity.orders import BLEND, PLAIN, RANKER, Order, best_blend
from training.affinity.ranker import Ranker, fit_ranker, trees_in_time
from training.affinity.recall import PLAIN as BASELINE
from training.affinity.recall import SOURCES, Recall, columns_of
from training.affinity.sheets import AT, NEW, Sheet, sheet
from training.evaluation.ranking import Hits, ndcg_at

JUDGES: Final = 500  # customers, from whom on the newest cut alone says which way is best
LEAST_GAIN: Final = 0.01  # share of a ranker's gain, below which a source costs more than it gives
LEAST_FOUND: Final = 0.01  # share of the purchases found that one source alone finds, from which it is kept in any case


@dataclass(frozen=True)
class Judged:
    """What the newest cut said of one mode: the winner, learned anew from all cuts; every way's hits; the ranker's gains by feature; the ways that met."""

    order: Order
    held: Sheet
    hits: Mapping[str, Hits]
    gains: Mapping[str, float]
    rivals: Mapping[str, Order]


@dataclass(frozen=True)
class Tried:
    """One mode's sheets, and the ranker that learned from the older ones with every source; `trees` by early stopping in time."""

    mode: str
    past: tuple[Sheet, ...]
    held: Sheet
    exam: Exam
    ranker: Ranker | None
    trees: int

    @classmethod
    def of(
        cls,
        history: History,
        older: Sequence[Exam],
        newest: Exam,
        recalls: Mapping[datetime, Recall],
        mode: str,
        *,
        seed: int,
        threads: int,
    ) -> "Tried | None":
        """None where nobody wants anything in this mode, at the newest cut or before it."""
        asked = [in_mode(history, e, recalls[e.cut], mode) for e in [*older, newest]]
        if not len(asked[-1].customers) or not any(len(e.customers) for e in asked[:-1]):
            return None
        sheets = [sheet(history, e, recalls[e.cut], mode) for e in asked if len(e.customers)]
        shared = [s for s in sheets[-1].sources if all(s in one.sources for one in sheets)]
        sheets = [one.with_sources(shared) for one in sheets]
        trees = trees_in_time(sheets[:-1], seed=seed, threads=threads)
        return cls(mode, tuple(sheets[:-1]), sheets[-1], asked[-1], fit_ranker(sheets[:-1], trees, seed=seed, threads=threads), trees)

    def judged(self, kept: Sequence[str], *, seed: int, threads: int) -> Judged:
        """Ranker, blend and personal frequency meet; the best learns from all cuts, which the baseline needs not.

        They meet at the newest cut, and where that has few customers at those before it, too, each time knowing older cuts alone. What is
        worse than personal frequency at the newest does not win.
        """
        every = [sheet.with_sources(kept) for sheet in (*self.past, self.held)]
        rounds: list[Round] = []
        for newest in range(len(every) - 1, 0, -1):
            rounds.append(Round.of(every[:newest], every[newest], self.mode, self.trees, seed=seed, threads=threads))
            if sum(len(one.held.wanted) for one in rounds) >= JUDGES:
                break
        way, last = winner(rounds), rounds[0]
        orders = {
            PLAIN: lambda: Order(),
            BLEND: lambda: best_blend(every, self.mode),
            RANKER: lambda: Order(RANKER, ranker=fit_ranker(every, self.trees, seed=seed, threads=threads)),
        }
        ranker = last.rivals[RANKER].ranker if RANKER in last.rivals else None
        return Judged(orders[way](), last.held, last.hits, {} if ranker is None else ranker.gains(), last.rivals)


@dataclass(frozen=True)
class Round:
    """One meeting: the ways as older sheets taught them, and their hits at a newer one."""

    held: Sheet
    rivals: Mapping[str, Order]
    hits: Mapping[str, Hits]

    @classmethod
    def of(cls, past: Sequence[Sheet], held: Sheet, mode: str, trees: int, *, seed: int, threads: int) -> "Round":
        """Blend and ranker learn from the older sheets; all are asked at the newer one."""
        ranker = fit_ranker(past, trees, seed=seed, threads=threads)
        rivals = {PLAIN: Order(), BLEND: best_blend(past, mode)} | ({} if ranker is None else {RANKER: Order(RANKER, ranker=ranker)})
        return cls(held, rivals, {way: held.plain if way == PLAIN else held.top(order.of(held)) for way, order in rivals.items()})

    def ndcg(self, way: str) -> NDArray[np.float64]:
        """NDCG@10 of each customer by this way."""
        return ndcg_at(self.hits[way], self.held.wanted, AT)


def winner(rounds: Sequence[Round]) -> str:
    """The way with the best mean over all customers of all rounds, of those that at the newest reach personal frequency; the plainer of equals."""
    newest = rounds[0]
    least = newest.ndcg(PLAIN).mean()
    ways = [way for way in newest.rivals if all(way in one.rivals for one in rounds) and newest.ndcg(way).mean() >= least]
    means = {way: float(np.concatenate([one.ndcg(way) for one in rounds]).mean()) for way in ways}
    return max(means, key=lambda way: means[way])


def worth_keeping(tried: Mapping[str, Tried]) -> tuple[str, ...]:
    """The sources, of those in every mode, that a ranker gains from in some mode, or that alone find what was bought; the baseline's always."""
    kept = set(BASELINE)
    for one in tried.values():
        gains = one.ranker.gains() if one.ranker is not None else {}
        alone = _found_alone(one.past)
        for source in one.held.sources:
            gain = gains.get(f"score_{source}", 0.0) + gains.get(f"rank_{source}", 0.0)
            if gain >= LEAST_GAIN or alone[source] >= LEAST_FOUND:
                kept.add(source)
    shared = set.intersection(*(set(one.held.sources) for one in tried.values())) if tried else set(BASELINE)
    return tuple(name for name in SOURCES if name in kept & shared)


def _found_alone(sheets: Sequence[Sheet]) -> dict[str, float]:
    """The share of the purchases found that each source alone found."""
    found = np.concatenate([s.ranks[s.hit] > 0 for s in sheets])
    alone = found[found.sum(axis=1) == 1].sum(axis=0) / max(len(found), 1)
    return dict(zip(sheets[0].sources, alone.tolist(), strict=True))


def in_mode(history: History, exam: Exam, recall: Recall, mode: str) -> Exam:
    """What can be asked in this mode: products that were known at the cut, in mode `new` those that the customer never bought."""
    known = columns_of(recall.range, history) >= 0
    within = exam.within_range(known)
    return within.never_bought(history.before(exam.cut)) if mode == NEW else within
