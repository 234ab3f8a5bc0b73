"""The backtest: sources, rankers and blends tried at earlier cuts of the same history; the newest cut, which they have not seen, judges.

At a cut every source learns from the purchases before it, and is asked for the distinct products that its customers bought in
[cut, cut + horizon). Half-lives, the sources worth keeping, blends and rankers come from the older cuts. At the newest, ranker, blend and
personal frequency meet: whichever is best becomes the shop's, so that no shop gets worse than personal frequency. The winner then learns
from all cuts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.instants import EPOCH
from training.affinity.contest import Tried, in_mode, worth_keeping
from training.affinity.exams import Exam, exam_at
from training.affinity.history import History, median_gap_days
from training.affinity.orders import BLEND, Order, Orders
from training.affinity.recall import PLAIN as BASELINE
from training.affinity.recall import Recall, fit_recall
from training.affinity.sheets import ALL, AT, NEW, Sheet, plain_hits
from training.affinity.sources.factors import Factoriser
from training.affinity.sources.source import HalfLives
from training.evaluation.gate import difference
from training.evaluation.ranking import Hits, ndcg_at, summary

MOST_HORIZON_DAYS: Final = 3650
PERSONAL_GAPS: Final = (4.0, 16.0, float("inf"))
POPULARITY_GAPS: Final = (0.5, 1.0, 2.0, 4.0, 16.0)
UNPROVEN: Final = (*BASELINE, "product_similarity", "bought_together")  # of a shop with too little history to choose
USUAL: Final = (16.0, 2.0)
LEAST_CUTS, MOST_CUTS = 4, 8
ENOUGH: Final = 3000  # customers asked at the cuts but the newest, from which further cuts teach little
LEAST_CUSTOMERS: Final = 30
MOST_CUSTOMERS: Final = 4000
LONGEST_HORIZON_DAYS: Final = 90


Progress = Callable[[str], None]


def silent(_: str) -> None:
    """Tells nobody."""


@dataclass(frozen=True)
class Backtest:
    """What was chosen, and how it and its rivals did at the newest cut: hits of the first ten ranks by mode and way.

    `orders` learned from all cuts; `sources` are the names of those worth keeping. `asked` holds the newest cut's exam and `sheets` its candidates by mode;
    without enough history there are none, and the choice is personal frequency. `rivals` are the ways as they stood there, by mode.
    """

    half_lives: HalfLives
    horizon_days: int
    sources: tuple[str, ...] = BASELINE
    orders: Orders = field(default_factory=Orders)
    cuts: tuple[datetime, ...] = ()
    newest: Exam | None = None
    asked: Mapping[str, Exam] = field(default_factory=dict)
    recall: Recall | None = None
    sheets: Mapping[str, Sheet] = field(default_factory=dict)
    hits: Mapping[str, Mapping[str, Hits]] = field(default_factory=dict)
    gains: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    rivals: Mapping[str, Mapping[str, Order]] = field(default_factory=dict)

    def metrics(self) -> dict[str, float]:
        """`<mode>.<way>.<measure>`: recall, NDCG and hit rate at 10, the standard error of NDCG, and the customers asked."""
        return {
            f"{mode}.{way}.{name}": value
            for mode, ways in self.hits.items()
            for way, hits in ways.items()
            for name, value in summary(hits, self.sheets[mode].wanted, AT).items()
        }

    def losses(self, mode: str, way: str | None = None) -> NDArray[np.float64]:
        """1 - NDCG@10 of each customer asked, by this way, None for the chosen one; empty where nobody was asked."""
        if mode not in self.hits:
            return np.zeros(0)
        return 1.0 - ndcg_at(self.hits[mode][way or self.orders.ways[mode]], self.sheets[mode].wanted, AT)


def default_horizon_days(history: History) -> int:
    """The shop's median gap between purchase days, 1 to 90 days."""
    return int(np.clip(round(median_gap_days(history.bought)), 1, LONGEST_HORIZON_DAYS))


def cut_offs(history: History, as_of: datetime, horizon_days: int, most: int = MOST_CUTS) -> list[datetime]:
    """Up to `most` cuts, oldest first, one horizon apart, the newest one horizon before `as_of`; each has a horizon of history before it."""
    horizon = timedelta(days=horizon_days)
    first = EPOCH + timedelta(microseconds=int(history.bought.at[0]))
    return [cut for i in range(most, 0, -1) if (cut := as_of - i * horizon) - horizon >= first]


def run_backtest(
    history: History,
    as_of: datetime,
    *,
    horizon_days: int | None = None,
    seed: int = 0,
    threads: int = 2,
    factorise: Factoriser | None = None,
    progress: Progress = silent,
) -> Backtest:
    """Chooses and measures. With one usable cut, half of its customers teach and the other half judge.

    Without a given horizon the median gap between purchase days is doubled until the newest cut has thirty customers. A cut with fewer is not
    used. Purchases at or after `as_of` are not seen. `progress` is told what begins, in words.
    """
    if horizon_days is not None and not 1 <= horizon_days <= MOST_HORIZON_DAYS:
        raise InputError(f"A horizon of {horizon_days} days cannot be tried.", remedy=f"Take 1 to {MOST_HORIZON_DAYS:,} days.")
    history = history.before(as_of)
    rng = np.random.default_rng(seed)
    horizon = horizon_days or _horizon(history, as_of)
    exams = [exam.sample(MOST_CUSTOMERS, rng) for exam in _exams(history, as_of, horizon)]
    gap = median_gap_days(history.bought)
    if not exams:
        orders = Orders({ALL: Order(), NEW: Order(BLEND, 1.0)})  # popularity alone would say nothing of what goes with their purchases
        return Backtest(HalfLives(USUAL[0] * gap, USUAL[1] * gap), horizon, UNPROVEN, orders)
    older, newest = (exams[:-1], exams[-1]) if len(exams) > 1 else exams[0].halves()
    progress(f"choosing half-lives at {min(len(older), LEAST_CUTS)} of {len(exams)} cuts, one every {horizon} days")
    half_lives = choose_half_lives(history, older[-LEAST_CUTS:])
    recalls = {}
    for exam in [*older, newest]:
        progress(f"cut {exam.cut:%Y-%m-%d}: fitting the sources, {len(exam.customers):,} customers to ask")
        recalls[exam.cut] = fit_recall(
            history.before(exam.cut), exam.cut, half_lives, unsold=False, seed=seed, threads=threads, factorise=factorise
        )
    progress("ranking candidates with every source")
    modes = {mode: Tried.of(history, older, newest, recalls, mode, seed=seed, threads=threads) for mode in (ALL, NEW)}
    tried = {mode: found for mode, found in modes.items() if found is not None}
    kept = worth_keeping(tried)
    progress(f"judging at {newest.cut:%Y-%m-%d} with the {len(kept)} sources worth keeping")
    judged = {mode: found.judged(kept, seed=seed, threads=threads) for mode, found in tried.items()}
    return Backtest(
        half_lives,
        horizon,
        kept,
        Orders({mode: judged[mode].order if mode in judged else Order() for mode in (ALL, NEW)}),
        tuple(sorted(recalls)),
        newest,
        {mode: found.exam for mode, found in tried.items()},
        recalls[newest.cut],
        {mode: one.held for mode, one in judged.items()},
        {mode: one.hits for mode, one in judged.items()},
        {mode: one.gains for mode, one in judged.items()},
        {mode: one.rivals for mode, one in judged.items()},
    )


def choose_half_lives(history: History, exams: Sequence[Exam]) -> HalfLives:
    """Those of personal frequency (with popularity as its tie-break) and of popularity (of new products) that do best at these exams.

    Multiples of the median gap between purchase days; the usual ones unless another is better by more than one standard error.
    """
    gap = median_gap_days(history.before(exams[0].cut).bought)
    usual = HalfLives(USUAL[0] * gap, USUAL[1] * gap)
    own = {n: _plain_ndcg(history, exams, replace(usual, personal_days=n * gap), ALL) for n in PERSONAL_GAPS}
    best = replace(usual, personal_days=_clearly_best(own, USUAL[0]) * gap)
    popular = {n: _plain_ndcg(history, exams, replace(best, popularity_days=n * gap), NEW) for n in POPULARITY_GAPS}
    return replace(best, popularity_days=_clearly_best(popular, USUAL[1]) * gap)


def _clearly_best(tried: Mapping[float, NDArray[np.float64]], usual: float) -> float:
    """The key with the greatest mean; the usual one where that is not better by more than a standard error, customer by customer."""
    best = max(tried, key=lambda key: tried[key].mean() if len(tried[key]) else 0.0)
    found = difference(tried[usual], tried[best])
    return best if found.mean < -found.standard_error else usual


def _horizon(history: History, as_of: datetime) -> int:
    horizon = default_horizon_days(history)
    while horizon < LONGEST_HORIZON_DAYS and cut_offs(history, as_of, longer := min(2 * horizon, LONGEST_HORIZON_DAYS)):
        cut = as_of - timedelta(days=horizon)
        if len(exam_at(history, cut, horizon).customers) >= LEAST_CUSTOMERS:
            break
        horizon = longer
    return horizon


def _exams(history: History, as_of: datetime, horizon: int) -> list[Exam]:
    """Oldest first, of thirty customers each: four, and as many more as it takes until those before the newest have enough customers."""
    exams: list[Exam] = []
    for cut in reversed(cut_offs(history, as_of, horizon)):
        if len(exams) >= LEAST_CUTS and sum(len(e.customers) for e in exams[1:]) >= ENOUGH:
            break
        exam = exam_at(history, cut, horizon)
        if len(exam.customers) >= LEAST_CUSTOMERS:
            exams.append(exam)
    return exams[::-1]


def _plain_ndcg(history: History, exams: Sequence[Exam], half_lives: HalfLives, mode: str) -> NDArray[np.float64]:
    """NDCG@10 of personal frequency, or of popularity among new products: one per customer of the exams who wants anything."""
    found = []
    for exam in exams:
        recall = fit_recall(history.before(exam.cut), exam.cut, half_lives, names=BASELINE, unsold=False)
        asked = in_mode(history, exam, recall, mode)
        if len(asked.customers):
            found.append(ndcg_at(plain_hits(history, asked, recall, mode), asked.wanted_counts, AT))
    return np.concatenate(found) if found else np.zeros(0)
