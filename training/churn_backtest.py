"""The time-ordered backtest of churn: it picks the number of trees, the members' weights and the calibrator.

A member is fitted on cut-offs whose labels were over before the test's cut-off, on the features that say something there, and answers for
the test's customers. What counts is
the squared error on active customers (with an order in the last two horizons): the long gone are easy, and nobody acts on them.
A single test in time cannot tell a good level from a lucky season, so candidates are then compared with their level set right.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contract import AS_OF, CUSTOMER_ID
from training import calibration
from training.boosting import ROUNDS
from training.calibration import Calibrator, Kept
from training.churn import LEAST_LOGISTIC, LEAST_TREES, ChurnModel, ChurnRecipe
from training.churn_members import BUYING, LOGISTIC, TREES, Trees
from training.evaluation.classification import brier, summary
from training.splits import customer_parts, time_folds

Floats = NDArray[np.float64]
Evidence = tuple[pd.DataFrame, Floats, Floats, Floats]
ACTIVE_HORIZONS: Final = 2
LEAST_ACTIVE: Final = 50
PARTS: Final = 3
CANDIDATES: Final[Mapping[str, Mapping[str, float]]] = {
    "lightgbm": {TREES: 1.0},
    "logistic on RFM": {LOGISTIC: 1.0},
    "BG/NBD": {BUYING: 1.0},
    "lightgbm + logistic": {TREES: 1.0, LOGISTIC: 1.0},
    "lightgbm + logistic + BG/NBD": {TREES: 1.0, LOGISTIC: 1.0, BUYING: 1.0},
    "logistic + BG/NBD": {LOGISTIC: 1.0, BUYING: 1.0},
}
NAIVE: Final = "base rate"


@dataclass(frozen=True)
class Test:
    """One fold's test customers: their rows of the panel, and each member's probability (trees by number of rounds)."""

    rows: pd.DataFrame
    members: Mapping[str, Floats]
    naive: Floats
    counted: NDArray[np.bool_]

    @property
    def churned(self) -> Floats:
        """What happened, 0 or 1."""
        return self.rows["churned"].to_numpy(float)

    def log_odds(self, weights: Mapping[str, float], rounds: int) -> Floats:
        """The weighted log odds of a candidate."""
        parts = [w * calibration.log_odds(self.members[_column(name, rounds)]) for name, w in weights.items()]
        return np.asarray(np.sum(parts, axis=0) / sum(weights.values()))

    def score(self, z: Floats) -> float:
        """Squared error of log odds z on the customers that count."""
        return brier(self.churned[self.counted], calibration.probability(z[self.counted]))

    def score_at_level(self, z: Floats) -> float:
        """The same, after adding the one number to z that makes the mean probability right."""
        y, kept = self.churned[self.counted], z[self.counted]
        return brier(y, calibration.probability(kept + calibration.level_shift(kept, float(y.mean()))))


@dataclass(frozen=True)
class ChurnBacktest:
    """What the backtest found: the recipe, every candidate's metrics on the newest test, and that test's rows with both predictions.

    `chosen` is calibrated, where it is, by `calibrator`, which was fitted on the earlier tests alone. The recipe's own was then fitted
    on the newest test too, so that nothing is to be measured with it there.
    """

    recipe: ChurnRecipe
    calibrator: Calibrator | None
    table: pd.DataFrame
    rows: pd.DataFrame
    churned: Floats
    chosen: Floats
    naive: Floats
    protocol: str

    @property
    def metrics(self) -> dict[str, float]:
        """The chosen recipe's metrics on the newest test, and the naive Brier score; empty without a backtest."""
        if len(self.churned) == 0:
            return {}
        return {**summary(self.churned, self.chosen), "brier_naive": brier(self.churned, self.naive)}


def backtest(panel: pd.DataFrame, *, horizon_days: int, threads: int = 0) -> ChurnBacktest:
    """Compares the candidates on up to three time-ordered folds; on folds of customers where the cut-offs are too few for time.

    A panel too small for any comparison gives the default recipe, no rows, and says so in `protocol`.
    """
    masks, protocol, in_time = _masks(panel, horizon_days)
    tests = [t for t in (_test(panel[a], panel[b], horizon_days, threads) for a, b in masks) if t is not None]
    if not tests:
        return _nothing(panel)
    newest = tests[-1]
    alike = [t for t in tests if t.members.keys() == newest.members.keys()]
    rounds = _rounds(alike)
    possible = {name: w for name, w in CANDIDATES.items() if all(_column(m, rounds) in newest.members for m in w)}
    score = Test.score if len(alike) > 1 else Test.score_at_level
    chosen = min(possible, key=lambda name: _mean(alike, possible[name], rounds, score))
    kept = _calibrators(alike, possible[chosen], rounds) if in_time else None
    before, after = (None, None) if kept is None else (kept.before, kept.after)
    recipe, evidence = ChurnRecipe(possible[chosen], rounds, after), _evidence(newest, ChurnRecipe(possible[chosen], rounds, before))
    table = _table(alike, possible, rounds)
    if before is not None:
        table = pd.concat([_calibrated(chosen, before, evidence), table])[table.columns]
    return ChurnBacktest(recipe, before, table, *evidence, protocol)


def _masks(panel: pd.DataFrame, horizon_days: int) -> tuple[list[tuple[pd.Series, pd.Series]], str, bool]:
    cutoffs = [pd.Timestamp(c).to_pydatetime() for c in sorted(panel[AS_OF].unique())]
    folds = time_folds(cutoffs, horizon_days)
    if folds:
        said = f"{len(folds)} time-ordered test cut-offs, the newest {folds[-1].test:%Y-%m-%d}; active customers; training labels end before the test."
        return [(panel[AS_OF].isin(f.train), panel[AS_OF] == f.test) for f in folds], said, True
    part = pd.Series(customer_parts(panel[CUSTOMER_ID], PARTS), index=panel.index)
    said = f"{PARTS} folds of customers at the same time, since the history is too short to test on a later time."
    return [(part != i, part == i) for i in range(PARTS)], said, False


def _test(train: pd.DataFrame, rows: pd.DataFrame, horizon_days: int, threads: int) -> Test | None:
    churned = float(train["churned"].sum())
    rarer = min(churned, len(train) - churned)
    if rarer < LEAST_LOGISTIC or len(rows) == 0:
        return None
    weights = {LOGISTIC: 1.0, BUYING: 1.0} | ({TREES: 1.0} if rarer >= LEAST_TREES else {})
    recipe = ChurnRecipe(weights, max(ROUNDS))
    model = ChurnModel(recipe, threads=threads)
    model.fit(train, as_of=rows[AS_OF].max(), horizon_days=horizon_days, current=rows)
    members = {name: member.predict(rows) for name, member in model.members.items() if name != TREES}
    trees = model.members.get(TREES)
    if isinstance(trees, Trees):
        members |= {_column(TREES, r): trees.trees.predict(rows, rounds=r) for r in ROUNDS}
    active = (rows["days_since_last_order"] <= ACTIVE_HORIZONS * horizon_days).to_numpy(bool)
    counted = active if active.sum() >= LEAST_ACTIVE else np.ones(len(rows), bool)
    return Test(rows, members, np.full(len(rows), model.base_rate), counted)


def _column(member: str, rounds: int) -> str:
    return f"{member}@{rounds}" if member == TREES else member


def _rounds(tests: Sequence[Test]) -> int:
    if _column(TREES, ROUNDS[0]) not in tests[-1].members:
        return ChurnRecipe().rounds
    return min(ROUNDS, key=lambda r: _mean(tests, {TREES: 1.0}, r, Test.score_at_level))


def _mean(tests: Sequence[Test], weights: Mapping[str, float], rounds: int, score: Callable[[Test, Floats], float]) -> float:
    return float(np.mean([score(t, t.log_odds(weights, rounds)) for t in tests]))


def _calibrators(tests: Sequence[Test], weights: Mapping[str, float], rounds: int) -> Kept | None:
    pairs = [(t.log_odds(weights, rounds)[t.counted], t.churned[t.counted]) for t in tests]
    if len(pairs) < 2:
        return None
    earlier = (np.concatenate([z for z, _ in pairs[:-1]]), np.concatenate([y for _, y in pairs[:-1]]))
    return calibration.worth_keeping(earlier, pairs[-1])


def _table(tests: Sequence[Test], candidates: Mapping[str, Mapping[str, float]], rounds: int) -> pd.DataFrame:
    newest = tests[-1]
    y, counted = newest.churned[newest.counted], newest.counted
    found = {name: calibration.probability(newest.log_odds(w, rounds))[counted] for name, w in candidates.items()}
    found[NAIVE] = newest.naive[counted]
    table = pd.DataFrame.from_dict({name: summary(y, p) for name, p in found.items()}, orient="index").rename_axis("candidate")
    naive = float(np.mean([t.score(calibration.log_odds(t.naive)) for t in tests]))
    table.insert(0, "mean_brier", [*(_mean(tests, w, rounds, Test.score) for w in candidates.values()), naive])
    table.insert(0, "calibrator", "none")
    return table.sort_values("mean_brier", kind="stable")


def _calibrated(name: str, calibrator: Calibrator, evidence: Evidence) -> pd.DataFrame:
    """The chosen candidate's row of the table once more, calibrated; the older tests cannot measure what was fitted on them."""
    values = {"calibrator": f"{type(calibrator).__name__}, earlier tests", **summary(evidence[1], evidence[2])}
    return pd.DataFrame.from_dict({f"{name}, calibrated": values}, orient="index").rename_axis("candidate")


def _evidence(newest: Test, recipe: ChurnRecipe) -> Evidence:
    """The newest test's rows that count, what happened, and both predictions."""
    z = newest.log_odds(recipe.weights, recipe.rounds)
    chosen = calibration.probability(z) if recipe.calibrator is None else recipe.calibrator.apply(z)
    keep = newest.counted
    return newest.rows[keep], newest.churned[keep], chosen[keep], newest.naive[keep]


def _nothing(panel: pd.DataFrame) -> ChurnBacktest:
    none = np.zeros(0)
    said = f"None: {len(panel):,} rows with {panel['churned'].sum():,.0f} that left are too few for a backtest."
    return ChurnBacktest(ChurnRecipe(), None, pd.DataFrame(), panel.iloc[:0], none, none, none, said)
