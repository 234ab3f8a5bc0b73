"""The backtest of value: what it chooses, what it corrects, and that it reports what happened."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from features.engine import tables_from_frames
from features.training_sets import churn_panel
from training import value_backtest
from training.evaluation.lifetime_value import median_error, share_within
from training.rhythm import RhythmTrees, calendar_days, pinball_loss
from training.value import ValueModel
from training.value_backtest import ValueBacktest, ValueTest, backtest_value
from training.value_recipe import BG_NBD, PARETO_NBD, RHYTHM_TREES, SPEND_BLENDS, SPEND_TREES, ValueRecipe

START = datetime(2024, 1, 1)


def regular_orders(customers: int, days: int) -> pd.DataFrame:
    """Everybody orders every 15, 25 or 35 days, a day early or late, at noon."""
    rng, rows = np.random.default_rng(11), []
    for i in range(customers):
        t = float(rng.uniform(0, 35))
        while t < days:
            rows.append((f"c{i:03}", START + timedelta(days=round(t), hours=12), 20.0))
            t += (15, 25, 35)[i % 3] + rng.normal(0, 1.0)
    frame = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "unit_price"])
    return frame.assign(order_id=[f"o{i}" for i in range(len(frame))], product_id="p", quantity=1.0, discount_amount=0.0, line_kind="sale")


@pytest.fixture(scope="module")
def regular() -> pd.DataFrame:
    tables = tables_from_frames({"orders": regular_orders(240, 330)})
    return churn_panel(tables, [START + timedelta(days=d) for d in range(120, 291, 10)], 40)


def test_a_regular_shops_next_orders_are_told_by_trees(regular: pd.DataFrame) -> None:
    """BG/NBD takes purchases for accidents; the trees see the rhythm, and halve the error with an interval that still holds."""
    found = backtest_value(regular, horizon_days=40, threads=1)
    assert found.recipe.next_order == RHYTHM_TREES
    assert found.metrics["next_order_median_error_days"] <= 3
    assert 0.7 <= found.metrics["next_order_coverage"] <= 0.97
    newest = regular[regular.as_of == regular.as_of.max()]
    came = newest[newest.days_to_next_order.notna()]
    model = ValueModel(ValueRecipe(next_order=BG_NBD), threads=1).fit(regular, as_of=START + timedelta(days=330), horizon_days=40)
    plain = model.next_order_days(came, came.as_of.max())[:, 1]
    assert median_error(np.floor(came.days_to_next_order), plain) > 2 * found.metrics["next_order_median_error_days"]


def test_days_of_the_next_order_are_those_of_the_calendar(regular: pd.DataFrame) -> None:
    """Cut at 18:00, an order at noon the day after tomorrow is two dates, and 1.75 days, away; at midnight both are 2.5 days away."""
    at = pd.Timestamp(START)
    rows = pd.DataFrame({"as_of": [at + pd.Timedelta(hours=18), at, at], "days_to_next_order": [1.75, 2.5, 0.0]})
    assert calendar_days(rows).tolist() == [2, 2, 0]
    model = ValueModel(ValueRecipe(next_order=BG_NBD), threads=1).fit(regular, as_of=START, horizon_days=40)
    morning, evening = (model.next_order_days(regular.head(200), START + timedelta(hours=h)) for h in (0, 18))
    later = evening - morning
    assert set(np.unique(later)) <= {0, 1}
    assert later.mean() == pytest.approx(0.75, abs=0.15)


def test_who_orders_every_day_is_due_today() -> None:
    days = [(f"c{i}", START + timedelta(days=d, hours=12)) for i in range(60) for d in range(80)]
    orders = pd.DataFrame(days, columns=["customer_id", "ordered_at"]).assign(unit_price=3.0, quantity=1.0, discount_amount=0.0)
    orders = orders.assign(order_id=[str(i) for i in range(len(orders))], product_id="p", line_kind="sale")
    panel = churn_panel(tables_from_frames({"orders": orders}), [START + timedelta(days=d) for d in range(30, 71, 5)], 7)
    found = backtest_value(panel, horizon_days=7, threads=1)
    assert found.metrics["next_order_median_error_days"] == 0
    assert found.metrics["next_order_coverage"] == 1


@pytest.fixture(scope="module")
def found(panel: pd.DataFrame) -> ValueBacktest:
    return backtest_value(panel, horizon_days=30, threads=1)


def test_accidental_buyers_are_told_by_bg_nbd(found: ValueBacktest) -> None:
    assert found.recipe.next_order == BG_NBD
    assert 0.7 <= found.metrics["next_order_coverage"] <= 0.95, "whole days cover a little more than was asked"


def test_what_is_reported_is_what_happened(panel: pd.DataFrame, found: ValueBacktest) -> None:
    rows, predicted = found.rows, found.predicted
    assert (rows.as_of == panel.as_of.max()).all()
    assert found.metrics["spend_bias"] == pytest.approx(predicted.expected_spend.sum() / rows.future_value.sum())
    assert found.metrics["orders_bias"] == pytest.approx(predicted.expected_orders.sum() / rows.future_order_count.sum())
    assert found.metrics["spend_gini"] > 0.4
    assert found.losses.mean() < found.naive.mean()
    assert set(found.table.index) == set(SPEND_BLENDS)
    assert found.table.deviance.is_monotonic_increasing
    assert "time-ordered" in found.protocol


def test_training_labels_end_before_the_test(panel: pd.DataFrame) -> None:
    """What came after cut-offs less than a horizon before the newest changes no expectation there."""
    newest = panel.as_of.max()
    late = (panel.as_of > newest - timedelta(days=30)) & (panel.as_of < newest)
    changed = panel.assign(future_value=panel.future_value.mask(late, 1e6), future_order_count=panel.future_order_count.mask(late, 30.0))
    plain, other = (value_backtest._test(*_newest_split(one), 30, 1) for one in (panel, changed))
    for name, spends in plain.spends.items():
        assert other.spends[name].tolist() == spends.tolist()


def _newest_split(panel: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    train, test = value_backtest._masks(panel, 30)[0][-1]
    return panel[train], panel[test]


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ([], 1.0),
        ([1.4], 1.0),  # nothing has confirmed it
        ([1.4, 1.4], 1.4**0.5),
        ([1.3, 1.5, 1.4], 1.4**0.5),
        ([1.4, 0.8], 1.0),  # the season turned
        ([1.4, 1.4, 0.9], 1.0),
        ([0.7, 0.8], 0.8**0.5),
        ([1.0, 1.0], 1.0),
    ],
)
def test_a_level_is_corrected_where_each_asked_for_was_right_for_the_next(asked: list[float], kept: float) -> None:
    assert value_backtest._kept_level(asked) == pytest.approx(kept)


def _made(rng: np.random.Generator, good: str) -> ValueTest:
    actual = rng.gamma(0.5, 100.0, 4000)
    noise = rng.permutation(actual)
    views = {name: actual * 3.0 if name == good else noise for name in (SPEND_TREES, PARETO_NBD, BG_NBD)}
    rows = pd.DataFrame({"future_value": actual, "future_order_count": actual, "days_to_next_order": np.nan})
    return ValueTest(rows, views, views, {}, 1.0)


@pytest.mark.parametrize("good", [SPEND_TREES, PARETO_NBD, BG_NBD])
def test_the_blend_that_knows_is_chosen_whatever_its_level(good: str) -> None:
    """One view is three times what came, for everybody: perfect but for its level; the others are shuffled."""
    rng = np.random.default_rng(3)
    tests = [_made(rng, good) for _ in range(3)]
    assert value_backtest._chosen(SPEND_BLENDS, tests, "spends", "future_value") == {good: 1.0}


def test_few_rows_are_not_tested(panel: pd.DataFrame) -> None:
    found = backtest_value(panel.head(5), horizon_days=30, threads=1)
    assert found.recipe == ValueRecipe()
    assert found.metrics == {}
    assert found.protocol == "None: 5 rows are too few for a backtest."


def test_a_short_history_is_tested_on_other_customers(panel: pd.DataFrame) -> None:
    single = panel[panel.as_of == panel.as_of.max()]
    found = backtest_value(single, horizon_days=30, threads=1)
    assert "a third of the customers" in found.protocol
    assert 0 < len(found.rows) < len(single) / 2
    assert found.recipe.spend_level == found.recipe.orders_level == 1.0


def test_quantiles_need_rows_and_cost_what_the_definition_says(panel: pd.DataFrame) -> None:
    assert RhythmTrees.fit(panel[panel.days_to_next_order.notna()].head(499), ["gap_mean_days"], threads=1) is None
    assert pinball_loss(np.array([10.0]), np.array([[4.0, 10.0, 12.0]])) == pytest.approx([(0.1 * 6 + 0 + 0.1 * 2) / 3])


def test_errors_and_coverage_of_the_next_order() -> None:
    assert median_error([1, 5, 9], [2, 5, 20]) == 1.0
    assert share_within([1, 5, 9], [1, 6, 0], [1, 9, 9]) == pytest.approx(2 / 3)
    assert np.isnan(median_error([], []))
    assert np.isnan(share_within([], [], []))
