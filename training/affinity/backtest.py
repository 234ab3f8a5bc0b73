"""The backtest: half-lives and weights chosen at earlier cuts of the same history, and measured at the newest, which they have not seen.

At a cut every source learns from the purchases before it, and is asked for the distinct products that its customers bought in
[cut, cut + horizon). A blend that loses to personal frequency where it was not chosen, but still before the newest cut, is dropped for
frequency and popularity. What the newest cut then says is no choice any more: the blend may lose there, and the gate hears of it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.affinity.blend import ALL, AT, FREQUENT, NEW, PLAIN, SAFE, Blend, Sheet, Weights, choose_weights, mean_ndcg
from training.affinity.exams import Exam, exam_at
from training.affinity.history import History, median_gap_days
from training.affinity.recall import PERSONAL_FREQUENCY, POPULARITY, SOURCES, HalfLives, Recall, fit_recall, plain_recall, usual_half_lives
from training.affinity.sheets import sheet
from training.evaluation.ranking import Hits, ndcg_at, summary

PERSONAL_MULTIPLES: Final = (2.0, 4.0, 8.0, 16.0)
POPULARITY_MULTIPLES: Final = (0.5, 1.0, 2.0, 4.0)
CUTS: Final = 3
LEAST_CUSTOMERS: Final = 30
MOST_CUSTOMERS: Final = 2000
LONGEST_HORIZON_DAYS: Final = 90
BLENDED: Final = "blend"


@dataclass(frozen=True)
class Backtest:
    """What was chosen, and how it and its rivals did at the newest cut: hits of the first ten ranks by mode and rival.

    `measured` is the blend that was measured there, chosen without that cut; `blend` is what the same choice gives on all cuts.
    `exams` holds the customers asked, by mode; without enough history there are none, and the choice is frequency and popularity.
    """

    half_lives: HalfLives
    blend: Blend
    horizon_days: int
    measured: Blend = field(default_factory=Blend)
    cuts: tuple[datetime, ...] = ()
    exams: Mapping[str, Exam] = field(default_factory=dict)
    hits: Mapping[str, Mapping[str, Hits]] = field(default_factory=dict)

    def metrics(self) -> dict[str, float]:
        """`<mode>.<rival>.<measure>`: recall, NDCG and hit rate at 10, the standard error of NDCG, and the customers asked."""
        return {
            f"{mode}.{rival}.{name}": value
            for mode, rivals in self.hits.items()
            for rival, hits in rivals.items()
            for name, value in summary(hits, self.exams[mode].wanted_counts, AT).items()
        }

    def losses(self, mode: str, rival: str) -> NDArray[np.float64]:
        """1 - NDCG@10 of each customer asked; empty where none was."""
        if mode not in self.hits:
            return np.zeros(0)
        return 1.0 - ndcg_at(self.hits[mode][rival], self.exams[mode].wanted_counts, AT)

    def plain(self, modes: Collection[str]) -> "Backtest":
        """The same with personal frequency and popularity alone in these modes: it is then its own rival."""
        chosen = {mode: SAFE[mode] for mode in modes}
        hits = {mode: {**rivals, BLENDED: rivals[PERSONAL_FREQUENCY]} if mode in chosen else rivals for mode, rivals in self.hits.items()}
        blend, measured = (Blend({**one.modes, **chosen}) for one in (self.blend, self.measured))
        return replace(self, blend=blend, measured=measured, hits=hits)


def default_horizon_days(history: History) -> int:
    """The shop's median gap between purchase days, 1 to 90 days."""
    return int(np.clip(round(median_gap_days(history)), 1, LONGEST_HORIZON_DAYS))


def cut_offs(history: History, as_of: datetime, horizon_days: int, most: int = CUTS) -> list[datetime]:
    """Up to `most` cuts, oldest first, one horizon apart, the newest one horizon before `as_of`; each has a horizon of history before it."""
    horizon = timedelta(days=horizon_days)
    first = datetime(1970, 1, 1) + timedelta(microseconds=int(history.at[0]))
    return [cut for i in range(most, 0, -1) if (cut := as_of - i * horizon) - horizon >= first]


def run_backtest(
    history: History, as_of: datetime, rng: np.random.Generator, *, horizon_days: int | None = None, threads: int = 2
) -> Backtest:
    """Chooses on every cut but the newest and measures there; the weights are then chosen anew on all cuts.

    Half-lives are multiples of the median gap between purchase days before the oldest cut. With one usable cut, half of its customers
    choose and the other half measure. A cut with fewer than 30 customers is not used. Purchases at or after `as_of` are not seen.
    """
    history = history.before(as_of)
    horizon = horizon_days or default_horizon_days(history)
    exams = [exam_at(history, cut, horizon) for cut in cut_offs(history, as_of, horizon)]
    exams = [e.sample(MOST_CUSTOMERS, rng) for e in exams if len(e.customers) >= LEAST_CUSTOMERS]
    if not exams:
        return Backtest(usual_half_lives(median_gap_days(history)), Blend(), horizon)
    gap = median_gap_days(history.before(exams[0].cut))
    older, newest = (exams[:-1], exams[-1]) if len(exams) > 1 else exams[0].halves()
    half_lives = _choose_half_lives(history, older, gap)
    fitted = {e.cut: fit_recall(history.before(e.cut), e.cut, half_lives, rng, threads=threads) for e in [*older, newest]}
    measured = [_measure(history, older, newest, fitted, mode) for mode in (ALL, NEW)]
    return Backtest(
        half_lives,
        Blend({m.mode: m.weights for m in measured}),
        horizon,
        Blend({m.mode: m.examined for m in measured}),
        tuple(sorted(fitted)),
        {m.mode: m.exam for m in measured if len(m.exam.customers)},
        {m.mode: m.hits for m in measured if len(m.exam.customers)},
    )


@dataclass(frozen=True)
class _Measured:
    mode: str
    examined: Weights
    weights: Weights
    exam: Exam
    hits: Mapping[str, Hits]


def _measure(history: History, older: Sequence[Exam], newest: Exam, fitted: Mapping[datetime, Recall], mode: str) -> _Measured:
    past = [e for e in (_in_mode(history, e, fitted[e.cut], mode) for e in older) if len(e.customers)]
    exam = _in_mode(history, newest, fitted[newest.cut], mode)
    if not past or not len(exam.customers):
        return _Measured(mode, PLAIN[mode], PLAIN[mode], replace(exam, customers=exam.customers[:0]), {})
    sheets = [sheet(history, e, fitted[e.cut], mode) for e in past]
    held = sheet(history, exam, fitted[exam.cut], mode)
    examined = choose_or_drop(sheets, mode)
    rivals = {**{source: held.top_hits({source: 1.0}) for source in SOURCES}, BLENDED: held.top_hits(examined)}
    return _Measured(mode, examined, choose_or_drop([*sheets, held], mode), exam, rivals)


def choose_or_drop(sheets: Sequence[Sheet], mode: str) -> Weights:
    """The weights that are best on the sheets, unless such a choice lost to personal frequency on customers that it had not seen.

    Those are the newest sheet's; of a single sheet, every other customer.
    """
    *older, newest = sheets if len(sheets) > 1 else sheets[0].halves()
    if newest.ndcg(choose_weights(older, mode)).mean() < newest.ndcg(FREQUENT).mean():
        return SAFE[mode]
    return choose_weights(sheets, mode)


def _in_mode(history: History, exam: Exam, recall: Recall, mode: str) -> Exam:
    """The exam over products that the range knows; in mode `new` also only those that the customer never bought."""
    known = exam.within_range(recall.columns(history.product_ids.tolist()) >= 0)
    return known.never_bought(history.before(exam.cut)) if mode == NEW else known


def _choose_half_lives(history: History, exams: Sequence[Exam], gap_days: float) -> HalfLives:
    popular = max(POPULARITY_MULTIPLES, key=lambda m: _alone(history, exams, HalfLives(gap_days, m * gap_days), POPULARITY))
    personal = max(
        PERSONAL_MULTIPLES, key=lambda m: _alone(history, exams, HalfLives(m * gap_days, popular * gap_days), PERSONAL_FREQUENCY)
    )
    return HalfLives(personal * gap_days, popular * gap_days)


def _alone(history: History, exams: Sequence[Exam], half_lives: HalfLives, source: str) -> float:
    """NDCG@10 of one source alone, ties broken by popularity."""
    sheets = []
    for exam in exams:
        recall = plain_recall(history.before(exam.cut), exam.cut, half_lives)
        known = _in_mode(history, exam, recall, ALL)
        if len(known.customers):
            sheets.append(sheet(history, known, recall, ALL, (source,)))
    return mean_ndcg(sheets, {source: 1.0}) if sheets else 0.0
