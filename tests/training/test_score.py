"""Bands, percentiles and flags of all customers' scores, on their edges."""

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.batch import features
from features.engine import Tables, tables_from_frames
from features.journey import load_stages
from training import score
from training.bands import load_bands
from training.churn import ChurnModel, ChurnRecipe
from training.churn_members import LOGISTIC
from training.segments.personas import PersonaModel
from training.segments.rfm import load_segments
from training.sufficiency import NO_PURCHASE_WHY, SINGLE_WHY, too_little, why_too_little, whys

START = datetime(2024, 1, 1)
AS_OF = START + timedelta(days=300)


@pytest.fixture(scope="module")
def model(panel: pd.DataFrame) -> ChurnModel:
    return ChurnModel(ChurnRecipe({LOGISTIC: 1.0}), threads=1).fit(panel, as_of=AS_OF, horizon_days=30)


def scored(tables: Tables, model: ChurnModel, groups: score.Groups | None = None) -> pd.DataFrame:
    return score.churn_scores(tables, model, None, AS_OF, load_bands(), load_stages(), groups=groups)


@given(st.lists(st.sampled_from([0.1, 0.2, 0.5, 0.9]), min_size=1, max_size=30))
def test_percentiles_are_shares_of_lower_ones_with_ties_halved(values: list[float]) -> None:
    found = score.percentiles(pd.Series(values))
    for value, percentile in zip(values, found, strict=True):
        lower, equal = sum(other < value for other in values), values.count(value)
        assert percentile == pytest.approx((lower + equal / 2) / len(values))
    assert found.mean() == pytest.approx(0.5)


def test_one_customer_stands_in_the_middle_of_all(shop_orders: Callable[..., pd.DataFrame], model: ChurnModel) -> None:
    orders = shop_orders(2, 300)
    one = scored(tables_from_frames({"orders": orders[orders.customer_id == "c0001"]}), model).iloc[0]
    assert (one.percentile, one.percentile_in_stage) == (0.5, 0.5)
    assert one.segment in load_segments().names


def test_equal_probabilities_are_one_band_and_one_percentile(shop: Tables, panel: pd.DataFrame) -> None:
    plain = ChurnModel().fit(panel.head(8).assign(churned=1.0), as_of=AS_OF, horizon_days=30)
    scores = scored(shop, plain)
    assert scores.churn_probability.nunique() == 1
    assert scores.band.nunique() == 1
    assert (scores.percentile == 0.5).all()
    assert (scores.percentile_in_stage == 0.5).all()


def test_what_the_shop_lacks_is_said_of_everybody(shop: Tables, model: ChurnModel) -> None:
    assert not scored(shop, model).insufficient_data.all()
    model.lacks = ("41 customers have bought.", "The history is short.")
    try:
        scores = scored(shop, model)
    finally:
        model.lacks = ()
    assert scores.insufficient_data.all()
    assert scores.why.str.startswith("41 customers have bought. The history is short.").all()


def test_personas_stand_beside_segments(shop: Tables, model: ChurnModel) -> None:
    personas = PersonaModel().fit(features(shop, [AS_OF]), as_of=AS_OF)
    scores = scored(shop, model, score.Groups(personas=personas))
    assert set(scores.persona) == {one.label for one in personas.personas}
    assert scored(shop, model).persona.isna().all()


def test_why_is_the_same_for_one_customer_as_in_the_table() -> None:
    known = pd.DataFrame({"order_day_count": [np.nan, 0.0, 1.0, 1.0, 2.0], "customer_age_days": [np.nan, np.nan, 29.9, 30.0, 3.0]})
    for lacks in ((), ("Too few customers.",)):
        table = whys(known, lacks)
        assert [None if pd.isna(one) else one for one in table] == [why_too_little(row, lacks) for row in known.to_dict("records")]
        assert ((table.notna()) == (too_little(known) | bool(lacks))).all()
    assert whys(known).tolist()[:3] == [NO_PURCHASE_WHY, NO_PURCHASE_WHY, SINGLE_WHY]
