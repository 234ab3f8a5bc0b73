"""The time-ordered backtest of churn: it picks the number of trees, the members' weights and the calibrator.

A member is fitted on cut-offs whose labels were over before the test's cut-off, on the features that say something there, and answers for
the test's customers. What counts is the squared error on active customers (with an order in the last two horizons): the long gone are easy,
and nobody acts on them. A single test in time cannot tell a good level from a lucky season, so candidates are then compared with their
level set right.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contract import AS_OF, CUSTOMER_ID
from training import calibration
from training.boosting import ROUNDS
from training.calibration import Calibrator, Kept
from training.churn import LEAST_LOGISTIC, LEAST_TREES, ChurnModel, ChurnRecipe
from training.churn_choice import CANDIDATES, NAIVE, Found, choose
from training.churn_members import BUYING, LOGISTIC, SHAPE, TREES, Trees, is_active
from training.evaluation.classification import auc, brier, summary
from training.splits import customer_parts, time_folds

Floats = NDArray[np.float64]
Evidence = tuple[pd.DataFrame, Floats, Floats, Floats]
LEAST_ACTIVE: Final = 50
PARTS: Final = 3


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

    def losses(self, z: Floats) -> Floats:
        """Squared errors of log odds z on the customers that count."""
        return np.asarray((self.churned[self.counted] - calibration.probability(z[self.counted])) ** 2)

    def losses_at_level(self, z: Floats) -> Floats:
        """The same, after adding the one number to z that makes the mean probability right."""
        y, kept = self.churned[self.counted], z[self.counted]
        return np.asarray((y - calibration.probability(kept + calibration.level_shift(kept, float(y.mean())))) ** 2)


@dataclass(frozen=True)
class ChurnBacktest:
    """What the backtest found: the recipe, every candidate's metrics on the newest test, and that test's rows with both predictions.

    `chosen` is calibrated, where it is, by `calibrator`, which was fitted on the earlier tests alone. The recipe's own was then fitted
    on the newest test too, so that nothing is to be measured with it there. `why` says how the winner was chosen.
    """

    recipe: ChurnRecipe
    calibrator: Calibrator | None
    table: pd.DataFrame
    rows: pd.DataFrame
    churned: Floats
    chosen: Floats
    naive: Floats
    protocol: str
    why: str = ""

    @property
    def metrics(self) -> dict[str, float]:
        """The chosen recipe's metrics on the newest test, and the naive Brier score; empty without a backtest."""
        if len(self.churned) == 0:
            return {}
        return {**summary(self.churned, self.chosen), "brier_naive": brier(self.churned, self.naive)}


def backtest(panel: pd.DataFrame, *, horizon_days: int, shape: Mapping[str, Any] = SHAPE, threads: int = 0) -> ChurnBacktest:
    """Compares the candidates on up to three time-ordered folds; on folds of customers where the cut-offs are too few for time.

    `shape` is the trees' (`training.tuning` finds it). A panel too small for any comparison gives the default recipe, no rows, and says so
    in `protocol`.
    """
    masks, protocol, in_time = masks_of(panel, horizon_days)
    tests = [t for t in (_test(panel[a], panel[b], horizon_days, shape, threads) for a, b in masks) if t is not None]
    if not tests:
        return _nothing(panel, shape)
    newest = tests[-1]
    alike = [t for t in tests if t.members.keys() == newest.members.keys()]
    rounds = _rounds(alike)
    possible = {name: w for name, w in CANDIDATES.items() if all(_column(m, rounds) in newest.members for m in w)}
    choice = choose({name: _found(alike, w, rounds) for name, w in possible.items()}, customers=panel[CUSTOMER_ID].nunique())
    kept = _calibrators(alike, possible[choice.name], rounds) if in_time else None
    before, after = (None, None) if kept is None else (kept.before, kept.after)
    recipe = ChurnRecipe(possible[choice.name], rounds, dict(shape), after)
    evidence = _evidence(newest, ChurnRecipe(possible[choice.name], rounds, dict(shape), before))
    table = _table(alike, possible, rounds)
    if before is not None:
        table = pd.concat([_calibrated(choice.name, before, evidence), table])[table.columns]
    return ChurnBacktest(recipe, before, table, *evidence, protocol, choice.why)


def masks_of(panel: pd.DataFrame, horizon_days: int) -> tuple[list[tuple[pd.Series, pd.Series]], str, bool]:
    """Rows to learn from and rows to be tested on, for each fold, oldest first; what was done, as a sentence; whether it was in time."""
    cutoffs = [pd.Timestamp(c).to_pydatetime() for c in sorted(panel[AS_OF].unique())]
    folds = time_folds(cutoffs, horizon_days)
    if folds:
        said = f"{len(folds)} time-ordered test cut-offs, the newest {folds[-1].test:%Y-%m-%d}; active customers; training labels end before the test."
        return [(panel[AS_OF].isin(f.train), panel[AS_OF] == f.test) for f in folds], said, True
    part = pd.Series(customer_parts(panel[CUSTOMER_ID], PARTS), index=panel.index)
    said = f"{PARTS} folds of customers at the same time, since the history is too short to test on a later time."
    return [(part != i, part == i) for i in range(PARTS)], said, False


def counted(rows: pd.DataFrame, horizon_days: int) -> NDArray[np.bool_]:
    """The test's rows that count: the active customers, or everybody where those are too few."""
    active = is_active(rows, horizon_days)
    return active if active.sum() >= LEAST_ACTIVE else np.ones(len(rows), bool)


def _test(train: pd.DataFrame, rows: pd.DataFrame, horizon_days: int, shape: Mapping[str, Any], threads: int) -> Test | None:
    churned = float(train["churned"].sum())
    rarer = min(churned, len(train) - churned)
    if rarer < LEAST_LOGISTIC or len(rows) == 0:
        return None
    weights = dict.fromkeys((LOGISTIC, *BUYING), 1.0) | ({TREES: 1.0} if rarer >= LEAST_TREES else {})
    model = ChurnModel(ChurnRecipe(weights, max(ROUNDS), shape), threads=threads)
    newest = rows[AS_OF].max()
    model.fit(train, as_of=newest, horizon_days=horizon_days, current=rows[rows[AS_OF] == newest])
    members = {name: member.predict(rows) for name, member in model.members.items() if name != TREES}
    trees = model.members.get(TREES)
    if isinstance(trees, Trees):
        members |= {_column(TREES, r): trees.trees.predict(rows, rounds=r) for r in ROUNDS}
    return Test(rows, members, np.full(len(rows), model.base_rate), counted(rows, horizon_days))


def _column(member: str, rounds: int) -> str:
    return f"{member}@{rounds}" if member == TREES else member


def _rounds(tests: Sequence[Test]) -> int:
    """The number of trees with the smallest error, in the blend with the logistic regression that they will stand in."""
    if _column(TREES, ROUNDS[0]) not in tests[-1].members:
        return ChurnRecipe().rounds
    return min(ROUNDS, key=lambda r: float(np.mean([t.losses_at_level(t.log_odds(ChurnRecipe().weights, r)).mean() for t in tests])))


def _found(tests: Sequence[Test], weights: Mapping[str, float], rounds: int) -> Found:
    """A candidate's losses per test, and its mean AUC; a single test is scored with the level set right."""
    odds = [t.log_odds(weights, rounds) for t in tests]
    losses = [t.losses(z) if len(tests) > 1 else t.losses_at_level(z) for t, z in zip(tests, odds, strict=True)]
    ranks = [auc(t.churned[t.counted], z[t.counted]) for t, z in zip(tests, odds, strict=True)]
    return Found(losses, float(np.mean(ranks)))


def _calibrators(tests: Sequence[Test], weights: Mapping[str, float], rounds: int) -> Kept | None:
    pairs = [(t.log_odds(weights, rounds)[t.counted], t.churned[t.counted]) for t in tests]
    if len(pairs) < 2:
        return None
    earlier = (np.concatenate([z for z, _ in pairs[:-1]]), np.concatenate([y for _, y in pairs[:-1]]))
    return calibration.worth_keeping(earlier, pairs[-1])


def _table(tests: Sequence[Test], candidates: Mapping[str, Mapping[str, float]], rounds: int) -> pd.DataFrame:
    newest = tests[-1]
    y, counts = newest.churned[newest.counted], newest.counted
    found = {name: calibration.probability(newest.log_odds(w, rounds))[counts] for name, w in candidates.items()}
    found[NAIVE] = newest.naive[counts]
    table = pd.DataFrame.from_dict({name: summary(y, p) for name, p in found.items()}, orient="index").rename_axis("candidate")
    means = [np.mean([t.losses(t.log_odds(w, rounds)).mean() for t in tests]) for w in candidates.values()]
    table.insert(0, "mean_brier", [*means, np.mean([t.losses(calibration.log_odds(t.naive)).mean() for t in tests])])
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


def _nothing(panel: pd.DataFrame, shape: Mapping[str, Any]) -> ChurnBacktest:
    none = np.zeros(0)
    said = f"None: {len(panel):,} rows with {panel['churned'].sum():,.0f} that left are too few for a backtest."
    return ChurnBacktest(ChurnRecipe(shape=dict(shape)), None, pd.DataFrame(), panel.iloc[:0], none, none, none, said)
