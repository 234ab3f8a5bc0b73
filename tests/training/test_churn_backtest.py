"""The backtest's evidence: what is reported of a calibrated model was measured with a calibrator that had not seen those answers."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from training.calibration import Platt
from training.churn import ChurnModel, ChurnRecipe
from training.churn_backtest import ChurnBacktest, backtest
from training.churn_members import ACTIVE_HORIZONS
from training.splits import time_folds

HORIZON_DAYS = 30
DRIFT = {180: 0.1, 210: 0.35, 240: 0.6, 270: 0.85}  # from this day on, this share of those who stayed is said to have left


def run(panel: pd.DataFrame) -> ChurnBacktest:
    return backtest(panel, horizon_days=HORIZON_DAYS, threads=1)


@pytest.fixture(scope="module")
def drifted(panel: pd.DataFrame) -> pd.DataFrame:
    """The shop, but more and more leave: whoever learned from the past says too little, at every test by about as much."""
    day = (panel["as_of"] - pd.Timestamp(2024, 1, 1)).dt.days.to_numpy()
    share = np.select([day >= since for since in reversed(DRIFT)], list(reversed(DRIFT.values())), 0.0)
    left = np.random.default_rng(5).random(len(panel)) < share
    return panel.assign(churned=np.where(left, 1, panel["churned"]))


@pytest.fixture(scope="module")
def found(drifted: pd.DataFrame) -> ChurnBacktest:
    return run(drifted)


def log_odds_and_answers(panel: pd.DataFrame, recipe: ChurnRecipe) -> list[tuple[np.ndarray, np.ndarray]]:
    """What the chosen members say of the active customers at every test, and what happened, oldest test first."""
    cuts: list[datetime] = [pd.Timestamp(cut).to_pydatetime() for cut in panel["as_of"].unique()]
    pairs = []
    for fold in time_folds(cuts, HORIZON_DAYS):
        rows = panel[panel["as_of"] == fold.test]
        model = ChurnModel(ChurnRecipe(recipe.weights, recipe.rounds), threads=1)
        model.fit(panel[panel["as_of"].isin(fold.train)], as_of=fold.test, horizon_days=HORIZON_DAYS, current=rows)
        active = rows[rows["days_since_last_order"] <= ACTIVE_HORIZONS * HORIZON_DAYS]
        pairs.append((model.log_odds(active), active["churned"].to_numpy(float)))
    return pairs


def fitted_on_earlier_tests(pairs: list[tuple[np.ndarray, np.ndarray]], *, platt: bool) -> np.ndarray:
    """The newest test's probabilities by a calibrator of the earlier tests."""
    z, y = (np.concatenate([pair[i] for pair in pairs[:-1]]) for i in (0, 1))
    z1 = pairs[-1][0]
    if platt:
        return np.asarray(LogisticRegression(C=1e6).fit(z.reshape(-1, 1), y).predict_proba(z1.reshape(-1, 1))[:, 1])
    return np.asarray(IsotonicRegression(y_min=1e-4, y_max=1 - 1e-4, out_of_bounds="clip").fit(z, y).predict(z1))


def test_the_reported_brier_is_that_of_the_calibrator_of_the_earlier_tests(drifted: pd.DataFrame, found: ChurnBacktest) -> None:
    assert found.recipe.calibrator is not None, "the drift is there to be found"
    pairs = log_odds_and_answers(drifted, found.recipe)
    assert len(pairs) == 3
    honest = fitted_on_earlier_tests(pairs, platt=isinstance(found.recipe.calibrator, Platt))
    assert found.metrics["brier"] == pytest.approx(np.mean((honest - pairs[-1][1]) ** 2), abs=1e-6)
    seen = found.recipe.calibrator.apply(pairs[-1][0])
    assert np.mean((seen - pairs[-1][1]) ** 2) < found.metrics["brier"] - 1e-3, "the refitted one knows its own answers"


def test_the_newest_answers_change_the_final_calibrator_but_not_the_one_of_the_evidence(
    drifted: pd.DataFrame, found: ChurnBacktest
) -> None:
    newest = drifted.index[drifted["as_of"] == drifted["as_of"].max()]
    changed = drifted.copy()
    changed.loc[newest[::200], "churned"] = 1 - changed.loc[newest[::200], "churned"]
    again = run(changed)
    assert (again.recipe.weights, again.recipe.rounds) == (found.recipe.weights, found.recipe.rounds)
    assert again.recipe.calibrator != found.recipe.calibrator
    assert again.calibrator is not None
    honest = fitted_on_earlier_tests(log_odds_and_answers(drifted, found.recipe), platt=isinstance(again.calibrator, Platt))
    assert again.chosen == pytest.approx(honest, abs=1e-6), "which kind was kept may change; what it was fitted on may not"


def test_the_table_says_who_is_calibrated(found: ChurnBacktest, panel: pd.DataFrame) -> None:
    best, *others = found.table["calibrator"].tolist()
    assert best == f"{type(found.calibrator).__name__}, earlier tests"
    assert set(others) == {"none"}
    assert found.table["brier"].iloc[0] == found.metrics["brier"]
    steady = run(panel)
    assert steady.calibrator is None
    assert set(steady.table["calibrator"]) == {"none"}


def test_customers_tested_at_the_same_time_are_not_calibrated(drifted: pd.DataFrame) -> None:
    start = datetime(2024, 1, 1) + timedelta(days=160)
    found = run(drifted[drifted["as_of"] < start + timedelta(days=20)])
    assert "folds of customers" in found.protocol
    assert found.calibrator is None
    assert found.recipe.calibrator is None
