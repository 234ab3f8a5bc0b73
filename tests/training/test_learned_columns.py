"""Which columns models learn from: those that say something in this shop, customer attributes among them, and none that tells the future."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features import attributes, batch
from features.definitions import FEATURES
from features.engine import Tables, tables_from_frames
from features.journey import load_stages
from training import score
from training.bands import load_bands
from training.churn import ChurnModel, ChurnRecipe
from training.churn_backtest import backtest
from training.churn_members import TREES
from training.material import Material, gather
from training.value import ValueModel

START = datetime(2024, 1, 1)
AS_OF = START + timedelta(days=300)
HORIZON_DAYS = 30
Orders = Callable[..., pd.DataFrame]
WINDOW_DAYS = {feature.name: feature.longest_window_days for feature in FEATURES}


def customers_of(orders: pd.DataFrame) -> pd.DataFrame:
    """Those who leave halfway (numbers modulo 9 below 3) live in Huế; everybody's age is drawn; total_spent is over all of history."""
    ids = np.sort(orders["customer_id"].unique())
    leaves = pd.Series(ids).str[1:].astype(int) % 9 < 3
    rng = np.random.default_rng(3)
    spent = orders.groupby("customer_id")["unit_price"].sum()
    columns = {"customer_id": ids, "city": np.where(leaves, "Huế", "Hà Nội"), "age": rng.integers(18, 80, len(ids)).astype(float)}
    return pd.DataFrame({**columns, "email": ids + "@example.org", "total_spent": spent.reindex(ids).to_numpy()})


@pytest.fixture(scope="module")
def tables(shop_orders: Orders) -> Tables:
    orders = shop_orders(450, 300)
    return tables_from_frames({"orders": orders, "customers": customers_of(orders)})


@pytest.fixture(scope="module")
def material(tables: Tables) -> Material:
    return gather(tables, AS_OF, HORIZON_DAYS)


@pytest.mark.parametrize("day", [150, 240, 300])
def test_a_column_that_follows_the_orders_is_no_attribute(day: int, tables: Tables) -> None:
    """total_spent counts orders of all 300 days, also those after the cut-off."""
    known = batch.features(tables, [START + timedelta(days=day)])
    assert set(attributes.attribute_names(tables, known)) == {"attribute:city=Huế", "attribute:city=Hà Nội", "attribute:age"}


def test_a_customers_table_may_be_wide(shop_orders: Orders) -> None:
    """Fourteen texts of ten values each are 140 columns, put beside the features at once."""
    orders = shop_orders(300, 100)
    ids, rng = np.sort(orders["customer_id"].unique()), np.random.default_rng(4)
    texts = {f"text_{i}": rng.choice(list("abcdefghij"), len(ids)) for i in range(14)}
    tables = tables_from_frames({"orders": orders, "customers": pd.DataFrame({"customer_id": ids, **texts})})
    known = batch.features(tables, [START + timedelta(days=100)])
    names = attributes.attribute_names(tables, known)
    assert len(names) > 100
    assert attributes.beside(known, tables, names).columns.tolist() == [*known.columns, *names]


def test_models_learn_from_innocent_attributes(material: Material) -> None:
    churn, value = ChurnModel(ChurnRecipe({TREES: 1.0}), threads=1), ValueModel(threads=1)
    for model in (churn, value):
        model.fit(material.panel, as_of=AS_OF, horizon_days=HORIZON_DAYS, current=material.current)
        own = {name for name in model.feature_names if name.startswith(attributes.PREFIX)}
        assert own == {"attribute:city=Huế", "attribute:city=Hà Nội", "attribute:age"}
    moves = churn.contributions(material.current)
    cities = moves["attribute:city=Huế"] + moves["attribute:city=Hà Nội"]
    lives_in_hue = material.current["attribute:city=Huế"] == 1.0
    assert cities[lives_in_hue].mean() > 0.02 > -0.02 > cities[~lives_in_hue].mean(), "those in Huế leave"


def test_attributes_survive_saving_loading_and_scoring(material: Material, tables: Tables, tmp_path: Path) -> None:
    churn, value = ChurnModel(ChurnRecipe({TREES: 1.0}), threads=1), ValueModel(threads=1)
    for name, model in (("churn", churn), ("value", value)):
        model.fit(material.panel, as_of=AS_OF, horizon_days=HORIZON_DAYS, current=material.current)
        (tmp_path / name).mkdir()
        model.save(tmp_path / name)
    again = ChurnModel.load(tmp_path / "churn"), ValueModel.load(tmp_path / "value")
    scores = score.churn_scores_with_reasons(tables, *again, AS_OF, load_bands(), load_stages()).set_index("customer_id")
    mine = pd.Series(churn.predict(material.current), material.current["customer_id"])
    assert scores["churn_probability"].reindex(mine.index).to_numpy() == pytest.approx(mine.to_numpy(), rel=1e-12)
    spend = pd.Series(value.predict(material.current)["expected_spend"].to_numpy(), material.current["customer_id"])
    assert scores["expected_spend"].reindex(spend.index).to_numpy() == pytest.approx(spend.to_numpy(), rel=1e-12)
    said = [sentence for reasons in score.in_sentences(scores)["reasons"] for sentence in reasons]
    assert any("city is" in sentence for sentence in said)
    assert not any("example.org" in sentence for sentence in said)


def test_a_shop_without_the_models_attributes_is_scored_as_unknown(shop: Tables, material: Material) -> None:
    model = ChurnModel(threads=1).fit(material.panel, as_of=AS_OF, horizon_days=HORIZON_DAYS)
    scores = score.churn_scores(shop, model, None, AS_OF, load_bands(), load_stages())
    assert scores["churn_probability"].between(0, 1, inclusive="neither").all()


def test_a_young_shop_learns_from_no_long_window_and_no_constant(shop_orders: Orders) -> None:
    tables = tables_from_frames({"orders": shop_orders(300, 60)})
    material = gather(tables, START + timedelta(days=60), 7)
    for model in (ChurnModel(threads=1), ValueModel(threads=1)):
        model.fit(material.panel, as_of=material.as_of, horizon_days=7, current=material.current)
        assert max(WINDOW_DAYS[name] for name in model.feature_names) < 60
        assert material.panel[list(model.feature_names)].nunique(dropna=False).min() > 1
        assert {"days_since_last_order", "order_count_7d", "value_total"} <= set(model.feature_names)
        assert len(model.predict(material.current)) == len(material.current)


def test_a_backtest_learns_from_the_columns_that_its_older_cut_offs_know(panel: pd.DataFrame) -> None:
    """A column that says something in the newest cut-off alone changes no answer of the backtest there."""
    newest = panel["as_of"] == panel["as_of"].max()
    told = panel.assign(**{"attribute:told": np.where(newest, panel["churned"], 0.0)})
    plain, tempted = (backtest(one, horizon_days=HORIZON_DAYS, threads=1) for one in (panel, told))
    assert tempted.chosen.tolist() == plain.chosen.tolist()
    assert "attribute:told" in ChurnModel(threads=1).fit(told, as_of=AS_OF, horizon_days=HORIZON_DAYS).feature_names
