"""The time-ordered backtest of value: it picks the blends of orders and spend, their level, and who tells the next order's day.

Every view is fitted on cut-offs whose labels were over before the test's cut-off, and answers for everybody known there. Blends are
compared by Tweedie deviance with the level of each set right, since a single season must not decide between them; the level
has its own test, one cut-off later than what it was learned from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contract import AS_OF, CUSTOMER_ID
from training.evaluation.lifetime_value import bias, median_error, normalised_gini, share_within, tweedie_deviance
from training.evaluation.report import comparison
from training.rhythm import calendar_days, pinball_loss
from training.splits import customer_parts, time_folds
from training.value import ValueModel, blended
from training.value_recipe import BG_NBD, EVERYTHING, ORDER_BLENDS, RHYTHM_TREES, SPEND_BLENDS, ValueRecipe, Weights

Floats = NDArray[np.float64]
PARTS: Final = 3
LEAST: Final = 10  # rows to learn from, and to be tested on
MARGIN: Final = 0.005  # a blend must be better than the default by this share of its loss: less is chance
LEVELS: Final = (0.5, 2.0)  # the least and the greatest correction of the level
Views = Mapping[str, Floats]


@dataclass(frozen=True)
class ValueTest:
    """One fold's test rows, with what every view expects: orders, spend, and days to the next order (a row per customer that ordered)."""

    rows: pd.DataFrame
    orders: Views
    spends: Views
    days: Mapping[str, Floats]
    naive_spend: float

    @property
    def actual_days(self) -> Floats:
        """Whole days until those who ordered within the horizon did."""
        came = self.rows[self.rows["days_to_next_order"].notna()]
        return calendar_days(came)


@dataclass(frozen=True)
class ValueBacktest:
    """The recipe, every blend's metrics on the newest test, and that test's rows with expected spend, each row's loss and the naive one's.

    `predicted` (expected_spend, expected_orders) is at the level that the earlier tests ask for; `recipe` then holds the newest test's.
    """

    recipe: ValueRecipe
    table: pd.DataFrame
    rows: pd.DataFrame
    predicted: pd.DataFrame
    losses: Floats
    naive: Floats
    metrics: Mapping[str, float]
    protocol: str

    def losses_of(self, model: ValueModel) -> Floats:
        """Another model's losses on the same rows."""
        return _losses(self.rows, model.predict(self.rows)["expected_spend"].to_numpy(float))


def backtest_value(panel: pd.DataFrame, *, horizon_days: int, threads: int = 0) -> ValueBacktest:
    """Compares blends on up to three time-ordered folds, or on a third of the customers where the history is too short.

    Too few rows give the default recipe and an empty test, said in `protocol`.
    """
    masks, protocol = _masks(panel, horizon_days)
    parts = [(panel[train], panel[test]) for train, test in masks]
    tests = [_test(train, rows, horizon_days, threads) for train, rows in parts if min(len(train), len(rows)) >= LEAST]
    if not tests:
        return _nothing(panel)
    alike = [t for t in tests if t.spends.keys() == tests[-1].spends.keys()]
    spend = _chosen(SPEND_BLENDS, alike, "spends", "future_value")
    orders = _chosen(ORDER_BLENDS, alike, "orders", "future_order_count")
    recipe = ValueRecipe(spend, orders, _next_order(tests))
    return _report(tests[-1], *_levelled(alike, recipe), protocol)


def _masks(panel: pd.DataFrame, horizon_days: int) -> tuple[list[tuple[pd.Series, pd.Series]], str]:
    folds = time_folds([pd.Timestamp(c).to_pydatetime() for c in panel[AS_OF].unique()], horizon_days)
    if folds:
        said = (
            f"{len(folds)} time-ordered test cut-offs, the newest {folds[-1].test:%Y-%m-%d}; everybody known there; training labels end "
            "before the test. Blends were compared at their best level, levels on the test after the one they were learned from."
        )
        return [(panel[AS_OF].isin(fold.train), panel[AS_OF] == fold.test) for fold in folds], said
    part = pd.Series(customer_parts(panel[CUSTOMER_ID], PARTS), index=panel.index)
    said = "Tested on a third of the customers at the same time, since the history is too short to test on a later time."
    return [(part != 0, part == 0)], said


def _test(train: pd.DataFrame, rows: pd.DataFrame, horizon_days: int, threads: int) -> ValueTest:
    model = ValueModel(EVERYTHING, threads=threads)
    model.fit(train, as_of=rows[AS_OF].max(), horizon_days=horizon_days, current=rows)
    orders = model.orders(rows, EVERYTHING.views)
    came = rows[rows["days_to_next_order"].notna()]
    views = [BG_NBD] if model.rhythm is None else [BG_NBD, RHYTHM_TREES]
    days = {view: model.next_order_days(came, came[AS_OF].max(), view) for view in views}
    return ValueTest(rows, orders, model.spends(rows, orders), days, float(train["future_value"].mean()))


def _chosen(blends: Mapping[str, Weights], tests: Sequence[ValueTest], views: str, actual: str) -> Weights:
    """The blend with the lowest mean loss at its best level; the first that can be made, where none is clearly better."""
    possible = {name: w for name, w in blends.items() if w.keys() <= getattr(tests[-1], views).keys()}
    losses = {
        name: float(np.mean([_loss_at_level(t.rows[actual].to_numpy(float), blended(getattr(t, views), w)) for t in tests]))
        for name, w in possible.items()
    }
    first, best = next(iter(losses)), min(losses, key=lambda name: losses[name])
    return possible[best if losses[best] < losses[first] * (1.0 - MARGIN) else first]


def _loss_at_level(actual: Floats, expected: Floats) -> float:
    """Mean Tweedie deviance, in units in which the actual mean is 1, after the one factor that makes the expected mean 1, too."""
    actual = np.maximum(actual, 0.0)
    unit, level = float(actual.mean()) or 1.0, float(expected.mean()) or 1.0
    return float(tweedie_deviance(actual / unit, np.maximum(expected / level, 1e-3)).mean())


def _next_order(tests: Sequence[ValueTest]) -> str:
    """RHYTHM_TREES where their quantiles cost clearly less than BG/NBD's in every test that has them, and the newest has."""
    told = [t for t in tests if RHYTHM_TREES in t.days and len(t.actual_days)]
    if not told or told[-1] is not tests[-1]:
        return BG_NBD
    wins = [
        pinball_loss(t.actual_days, t.days[RHYTHM_TREES]).mean() < pinball_loss(t.actual_days, t.days[BG_NBD]).mean() * (1 - MARGIN)
        for t in told
    ]
    return RHYTHM_TREES if all(wins) else BG_NBD


def _levelled(tests: Sequence[ValueTest], recipe: ValueRecipe) -> tuple[ValueRecipe, ValueRecipe]:
    """The recipe with the factors that the tests before the newest ask for, and with those that all ask for.

    A factor stays 1 where it would not have helped: what one test asks for must have brought every later test closer to its level,
    since a season that comes and goes asks for none.
    """
    spend = [_asked_level(t.rows["future_value"].to_numpy(float), blended(t.spends, recipe.spend)) for t in tests]
    orders = [_asked_level(t.rows["future_order_count"].to_numpy(float), blended(t.orders, recipe.orders)) for t in tests]
    before = replace(recipe, spend_level=_kept_level(spend[:-1]), orders_level=_kept_level(orders[:-1]))
    return before, replace(recipe, spend_level=_kept_level(spend), orders_level=_kept_level(orders))


def _asked_level(actual: Floats, expected: Floats) -> float:
    off = bias(np.maximum(actual, 0.0), expected)
    return float(np.clip(1.0 / off, *LEVELS)) if np.isfinite(off) and off > 0 else 1.0


def _kept_level(asked: Sequence[float]) -> float:
    """The newest factor asked for, where each one asked for was right for the next test; by half, since levels return to the middle."""
    if len(asked) < 2:
        return 1.0
    logs = np.log(asked)
    helped = np.abs(logs[1:] - logs[:-1] / 2.0) < np.abs(logs[1:])
    return float(np.exp(logs[-1] / 2.0)) if helped.all() else 1.0


def _report(test: ValueTest, before: ValueRecipe, after: ValueRecipe, protocol: str) -> ValueBacktest:
    rows = test.rows
    spend = before.spend_level * blended(test.spends, before.spend)
    orders = before.orders_level * blended(test.orders, before.orders)
    predicted = pd.DataFrame({"expected_spend": spend, "expected_orders": orders}, index=rows.index)
    metrics = {
        **_ranking_and_level(rows, spend, "spend"),
        **_ranking_and_level(rows, orders, "orders"),
        **_next_order_metrics(test, before),
    }
    table = comparison({name: _blend_metrics(test, w) for name, w in SPEND_BLENDS.items() if w.keys() <= test.spends.keys()}, by="deviance")
    naive = _losses(rows, np.full(len(rows), test.naive_spend))
    return ValueBacktest(after, table, rows, predicted, _losses(rows, spend), naive, metrics, protocol)


def _blend_metrics(test: ValueTest, weights: Weights) -> dict[str, float]:
    spend = blended(test.spends, weights)
    deviance = _loss_at_level(test.rows["future_value"].to_numpy(float), spend)
    return {"deviance": deviance, **_ranking_and_level(test.rows, spend, "spend")}


def _ranking_and_level(rows: pd.DataFrame, expected: Floats, name: str) -> dict[str, float]:
    """Normalised Gini, and the sum expected over the sum that came; left out where nothing came."""
    actual = rows["future_value" if name == "spend" else "future_order_count"].to_numpy(float)
    found = {f"{name}_gini": normalised_gini(actual, expected), f"{name}_bias": bias(actual, expected)}
    return {key: value for key, value in found.items() if np.isfinite(value)}


def _next_order_metrics(test: ValueTest, recipe: ValueRecipe) -> dict[str, float]:
    actual = test.actual_days
    if len(actual) == 0:
        return {}
    low, due, high = test.days.get(recipe.next_order, test.days[BG_NBD]).T
    return {"next_order_median_error_days": median_error(actual, due), "next_order_coverage": share_within(actual, low, high)}


def _losses(rows: pd.DataFrame, expected: Floats) -> Floats:
    """Tweedie deviances, in units that do not depend on the currency: the actual values' mean is 1."""
    actual = np.maximum(rows["future_value"].to_numpy(float), 0.0)
    unit = float(actual.mean()) or 1.0
    return tweedie_deviance(actual / unit, np.maximum(expected / unit, 1e-3))


def _nothing(panel: pd.DataFrame) -> ValueBacktest:
    none = np.zeros(0)
    said = f"None: {len(panel):,} rows are too few for a backtest."
    return ValueBacktest(ValueRecipe(), pd.DataFrame(), panel.iloc[:0], pd.DataFrame(), none, none, {}, said)
