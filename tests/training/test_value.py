"""The value model on shops whose law is known, and on odd ones."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.engine import tables_from_frames
from features.errors import InputError
from training.material import Material, gather
from training.value import ValueModel, blended
from training.value_recipe import BG_NBD, EVERYTHING, ORDER_TREES, PARETO_NBD, RHYTHM_TREES, SPEND_BLENDS, SPEND_TREES, ValueRecipe

START = datetime(2024, 1, 1)
AS_OF = START + timedelta(days=300)
Orders = Callable[..., pd.DataFrame]
NUMBERS = ["expected_spend", "expected_orders", "clv"]


@pytest.fixture(scope="module")
def orders(shop_orders: Orders) -> pd.DataFrame:
    return shop_orders(300, 300)


@pytest.fixture(scope="module")
def material(orders: pd.DataFrame) -> Material:
    return gather(tables_from_frames({"orders": orders}), AS_OF, 30)


def fitted(material: Material, recipe: ValueRecipe | None = None) -> ValueModel:
    model = ValueModel(recipe, threads=1)
    return model.fit(material.panel, as_of=material.as_of, horizon_days=material.horizon_days, current=material.current)


def assert_sound(predicted: pd.DataFrame, material: Material) -> None:
    assert np.isfinite(predicted[NUMBERS].to_numpy(float)).all()
    assert (predicted[NUMBERS] >= 0).all(axis=None)
    low, due, high = (predicted[f"expected_next_order_{name}"] for name in ("from", "on", "until"))
    assert (material.as_of <= low).all()
    assert (low <= due).all()
    assert (due <= high).all()
    assert (high <= material.as_of + timedelta(days=material.horizon_days)).all()
    assert (predicted["clv"] >= 0.9 * predicted["expected_spend"]).all(), "a year holds the horizon, less its discount"


@pytest.mark.parametrize("spend", SPEND_BLENDS.values(), ids=SPEND_BLENDS)
def test_every_blend_is_sound_and_survives_saving(spend: dict[str, float], material: Material, tmp_path: Path) -> None:
    model = fitted(material, ValueRecipe(spend, {ORDER_TREES: 1.0}, RHYTHM_TREES, spend_level=1.25, orders_level=0.8))
    predicted = model.predict(material.current)
    assert_sound(predicted, material)
    model.save(tmp_path)
    again = ValueModel.load(tmp_path, threads=1)
    assert again.recipe == model.recipe
    pd.testing.assert_frame_equal(again.predict(material.current), predicted)
    row = material.current.iloc[[5]]
    pd.testing.assert_frame_equal(model.predict(row), predicted.iloc[[5]])


def test_a_level_moves_the_level_alone(material: Material) -> None:
    plain, moved = (
        fitted(material, ValueRecipe(spend_level=s, orders_level=o)).predict(material.current) for s, o in ((1.0, 1.0), (1.3, 0.7))
    )
    assert (moved.expected_spend / plain.expected_spend).to_numpy() == pytest.approx(1.3)
    assert (moved.clv / plain.clv).to_numpy() == pytest.approx(1.3)
    assert (moved.expected_orders / plain.expected_orders).to_numpy() == pytest.approx(0.7)


def test_views_are_averaged_by_weight_and_by_all_that_is_there_where_none_is_wanted() -> None:
    views = {BG_NBD: np.array([2.0]), PARETO_NBD: np.array([4.0])}
    assert blended(views, {BG_NBD: 3.0, PARETO_NBD: 1.0, SPEND_TREES: 9.0}) == pytest.approx([2.5])
    assert blended(views, {SPEND_TREES: 1.0}) == pytest.approx([3.0])


def test_the_blends_are_those_of_their_views(material: Material) -> None:
    model = fitted(material, EVERYTHING)
    orders = model.orders(material.current, EVERYTHING.views)
    spends = model.spends(material.current, orders)
    assert spends.keys() == {SPEND_TREES, ORDER_TREES, BG_NBD, PARETO_NBD}
    mean = sum(spends.values()) / 4
    assert model.predict(material.current).expected_spend.to_numpy() == pytest.approx(np.asarray(mean))


def test_a_currency_without_decimals_is_the_same_shop(orders: pd.DataFrame, material: Material) -> None:
    dong = gather(tables_from_frames({"orders": orders.assign(unit_price=(orders.unit_price * 27_000).round(-3))}), AS_OF, 30)
    euros, dongs = fitted(material).predict(material.current), fitted(dong).predict(dong.current)
    assert_sound(dongs, dong)
    assert dongs.expected_spend.sum() == pytest.approx(27_000 * euros.expected_spend.sum(), rel=0.01)
    assert np.corrcoef(dongs.expected_spend, euros.expected_spend)[0, 1] > 0.999


def test_a_typing_error_of_six_noughts_moves_nobody_else(orders: pd.DataFrame, material: Material) -> None:
    wrong = orders.copy()
    at = wrong.index[(wrong.ordered_at > START + timedelta(days=220)) & (wrong.customer_id == "c0005")][0]
    wrong.loc[at, "unit_price"] *= 1e6
    odd = gather(tables_from_frames({"orders": wrong}), AS_OF, 30)
    found, true = fitted(odd).predict(odd.current).expected_spend, fitted(material).predict(material.current).expected_spend
    others = (odd.current.customer_id != "c0005").to_numpy()
    assert found[others].sum() == pytest.approx(true[others].sum(), rel=0.1)
    assert found[others].max() < 2 * true.max()
    assert found[~others].iloc[0] < 100 * true.max(), "and of who made it, no more than the highest credible is believed"


def test_returns_and_gifts_make_no_negative_value(orders: pd.DataFrame) -> None:
    odd = orders.copy()
    odd.loc[odd.index % 3 == 0, "unit_price"] = 0.0
    odd.loc[odd.customer_id < "c0040", "unit_price"] *= -1.0
    material = gather(tables_from_frames({"orders": odd}), AS_OF, 30)
    assert_sound(fitted(material).predict(material.current), material)


def test_one_customer_with_one_order(shop_orders: Orders) -> None:
    single = shop_orders(1, 60).head(1)
    material = gather(tables_from_frames({"orders": single}), START + timedelta(days=60), 14)
    predicted = fitted(material, EVERYTHING).predict(material.current)
    assert len(predicted) == 1
    assert_sound(predicted, material)
    assert predicted.expected_spend[0] < single.unit_price.iloc[0], "once in sixty days is less than once in fourteen"


def test_nobody_who_ever_bought_is_told(material: Material) -> None:
    nobody = material.panel.assign(order_day_count=0.0)
    with pytest.raises(InputError, match="Nobody has bought anything"):
        ValueModel(threads=1).fit(nobody, as_of=AS_OF, horizon_days=30)


def test_who_never_bought_is_scored_as_a_newcomer(material: Material) -> None:
    model = fitted(material)
    names = [
        *model.feature_names,
        "repeat_day_count",
        "order_day_count",
        "value_total",
        "recency_days",
        "customer_age_days",
        "gap_mean_days",
    ]
    unknown = pd.DataFrame(np.nan, index=["nobody"], columns=list(dict.fromkeys(names)))
    assert_sound(model.predict(unknown), material)


def test_a_horizon_beyond_a_year(shop_orders: Orders) -> None:
    """Two years' expectation: the year's value is less, and both are finite."""
    tables = tables_from_frames({"orders": shop_orders(40, 1700)})
    material = gather(tables, START + timedelta(days=1700), 730)
    predicted = fitted(material).predict(material.current)
    assert np.isfinite(predicted[NUMBERS].to_numpy(float)).all()
    assert (predicted.clv <= predicted.expected_spend * 1.0001).all()
    buyers = predicted.expected_orders > 0.5
    assert (predicted.clv[buyers] > 0.3 * predicted.expected_spend[buyers]).all()
