"""One contract for every estimator: fit, predict, save and load, batch equals single, unknown values, one row, damage."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.definitions import NAMES
from features.errors import InputError
from training.churn import ChurnModel, ChurnRecipe
from training.churn_members import BG_NBD, LOGISTIC, PARETO_NBD, TREES
from training.matrix import Matrix
from training.response import PRIOR_STRENGTH, ResponseModel
from training.value import COLUMNS, ValueModel

AS_OF = datetime(2024, 10, 27)
MEMBERS = ({TREES: 1.0}, {LOGISTIC: 1.0}, {BG_NBD: 1.0}, {PARETO_NBD: 1.0}, {TREES: 2.0, LOGISTIC: 1.0, BG_NBD: 1.0})
Model = ChurnModel | ValueModel
Make = Callable[[], Model]


def churn_of(weights: dict[str, float]) -> Make:
    return lambda: ChurnModel(ChurnRecipe(weights, 40), threads=1)


MODELS = [pytest.param(churn_of(w), id="churn " + "+".join(w)) for w in MEMBERS] + [pytest.param(lambda: ValueModel(threads=1), id="value")]


def numbers(model: Model, rows: pd.DataFrame) -> np.ndarray:
    found = model.predict(rows)
    return found.reshape(-1, 1) if isinstance(found, np.ndarray) else found[list(COLUMNS[:3])].to_numpy()


def fitted(make: Make, panel: pd.DataFrame) -> Model:
    return make().fit(panel, as_of=AS_OF, horizon_days=30)


@pytest.fixture
def rows(panel: pd.DataFrame) -> pd.DataFrame:
    return panel[panel.as_of == panel.as_of.max()].head(60).reset_index(drop=True)


@pytest.mark.parametrize("make", MODELS)
def test_batch_equals_single_and_the_order_of_columns_does_not_matter(make: Make, panel: pd.DataFrame, rows: pd.DataFrame) -> None:
    model = fitted(make, panel)
    together = numbers(model, rows)
    single = np.concatenate([numbers(model, rows.iloc[[i]]) for i in range(len(rows))])
    assert np.isfinite(together).all()
    assert together == pytest.approx(single, rel=1e-9)
    assert np.array_equal(numbers(model, rows[rows.columns[::-1]]), together)
    assert len(numbers(model, rows.iloc[:0])) == 0


@pytest.mark.parametrize("make", MODELS)
def test_plain_numbers_are_answered_as_the_table_is_in_any_order_and_one_by_one(
    make: Make, panel: pd.DataFrame, rows: pd.DataFrame
) -> None:
    """One formula reads both: what a server has of one customer, and the table of all."""
    model = fitted(make, panel)
    given = [{name: float(row[name]) for name in reversed(NAMES)} for row in rows.to_dict("records")]
    many, single = Matrix.of(given), [Matrix.of([one]) for one in given]
    if isinstance(model, ChurnModel):
        assert model.predict(many) == pytest.approx(model.predict(rows), rel=1e-12)
        assert [model.predict(one)[0] for one in single] == pytest.approx(model.predict(rows), rel=1e-12)
        assert model.reasons(many) == model.reasons(rows) == [model.reasons(one)[0] for one in single]
    else:
        table = model.predict(rows)
        assert numbers_close(model.expected(many), table)
        for i, one in enumerate(single):
            assert numbers_close(model.expected(one), table.iloc[[i]])


def numbers_close(found: Mapping[str, np.ndarray], table: pd.DataFrame) -> bool:
    """Days the same, and numbers but for their last digits."""
    assert list(found) == list(table.columns)
    return all(
        np.array_equal(values, table[name].to_numpy())
        if name.startswith("expected_next_order")
        else values == pytest.approx(table[name].to_numpy(), rel=1e-12, nan_ok=True)
        for name, values in found.items()
    )


@pytest.mark.parametrize("make", MODELS)
def test_save_and_load_give_the_same_answers(make: Make, panel: pd.DataFrame, rows: pd.DataFrame, tmp_path: Path) -> None:
    model = fitted(make, panel)
    model.save(tmp_path)
    again = type(model).load(tmp_path)
    assert np.array_equal(numbers(again, rows), numbers(model, rows))
    assert (again.as_of, again.horizon_days, again.feature_names) == (AS_OF, 30, model.feature_names)
    assert set(again.feature_names) < set(NAMES), "what this shop's data say nothing of is left out"
    assert not [p for p in tmp_path.iterdir() if p.suffix not in {".json", ".txt"}]
    damaged = next(p for p in sorted(tmp_path.iterdir()) if p.name != "manifest.json")
    damaged.write_text(damaged.read_text() + " ")
    with pytest.raises(InputError, match=damaged.name):
        type(model).load(tmp_path)


@pytest.mark.parametrize("make", MODELS)
def test_unknown_values_get_an_answer(make: Make, panel: pd.DataFrame, rows: pd.DataFrame) -> None:
    model = fitted(make, panel)
    nothing = rows.assign(**dict.fromkeys(NAMES, np.nan))
    returns_only = rows.assign(order_day_count=0.0, repeat_day_count=-1.0, recency_days=np.nan, customer_age_days=np.nan, value_total=0.0)
    lost = rows.assign(days_since_last_order=5000.0, customer_age_days=5100.0)
    for unusual in (nothing, returns_only, lost):
        assert np.isfinite(numbers(model, unusual)).all()
        assert (numbers(model, unusual) >= 0).all()


@pytest.mark.parametrize("make", MODELS)
def test_a_column_without_any_value_can_be_learned_from(make: Make, panel: pd.DataFrame, rows: pd.DataFrame) -> None:
    blind = panel.assign(gap_std_days=np.nan, product_count=np.nan)
    assert np.isfinite(numbers(fitted(make, blind), rows)).all()


@pytest.mark.parametrize("make", MODELS)
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_customer_and_one_class_are_learned_from(
    make: Make, label: float, panel: pd.DataFrame, rows: pd.DataFrame, tmp_path: Path
) -> None:
    single = panel.head(1).assign(churned=label, future_value=0.0, future_order_count=1.0 - label)
    model = fitted(make, single)
    model.save(tmp_path)
    assert np.array_equal(numbers(type(model).load(tmp_path), rows), numbers(model, rows))


def test_one_class_alone_gives_the_base_rate(panel: pd.DataFrame, rows: pd.DataFrame) -> None:
    gone = panel.head(8).assign(churned=1.0)
    model = ChurnModel().fit(gone, as_of=AS_OF, horizon_days=30)
    assert model.predict(rows) == pytest.approx(np.full(len(rows), 9 / 10))
    assert model.reasons(rows) == [[]] * len(rows)


@pytest.mark.parametrize("weights", MEMBERS)
def test_churn_is_told_from_loyalty(weights: dict[str, float], panel: pd.DataFrame) -> None:
    """Who comes every 4 days and was here yesterday hardly leaves; who came every 4 days and is silent for 100 is gone."""
    model = ChurnModel(ChurnRecipe(weights, 60), threads=1).fit(panel, as_of=AS_OF, horizon_days=30)
    latest = panel[panel.as_of == panel.as_of.max()]
    often = latest[(latest.gap_mean_days < 6) & (latest.order_day_count > 10)]
    loyal, gone = often[often.days_since_last_order < 4], often[often.days_since_last_order > 60]
    assert model.predict(loyal).mean() < 0.15
    assert model.predict(gone).mean() > 0.75


def test_reasons_carry_the_customers_own_numbers_in_both_languages(panel: pd.DataFrame, rows: pd.DataFrame) -> None:
    model = ChurnModel(threads=1).fit(panel, as_of=AS_OF, horizon_days=30)
    found = model.reasons(rows)
    for i, reasons in enumerate(found):
        assert 0 < len(reasons) <= 3
        for one in reasons:
            assert dict(one.facts) == rows.loc[i, list(one.facts)].to_dict()
            assert one.sentence().endswith(f"which {one.direction} the risk.")
            assert "rủi ro" in one.sentence("vi")
    silent = rows.days_since_last_order.argmax()
    assert any(one.family == "rhythm" and one.direction == "raises" for one in found[silent])


def test_contributions_add_up_to_the_log_odds(panel: pd.DataFrame, rows: pd.DataFrame) -> None:
    """Trees and logistic regression: the sum of contributions differs from the log odds by one constant, the average customer."""
    model = ChurnModel(ChurnRecipe({TREES: 1.0, LOGISTIC: 1.0}, 40), threads=1).fit(panel, as_of=AS_OF, horizon_days=30)
    rest = model.log_odds(rows) - model.contributions(rows).sum(axis=1).to_numpy()
    assert rest == pytest.approx(np.full(len(rows), rest.mean()), abs=1e-6)


def test_expected_orders_follow_the_customers_own_rates(panel: pd.DataFrame) -> None:
    """Those who stay and come every 4 days are expected 30 / 4 = 7.5 times (on fewer days: two orders may share one)."""
    model = ValueModel(threads=1).fit(panel, as_of=AS_OF, horizon_days=30)
    latest = panel[panel.as_of == panel.as_of.max()]
    predicted = model.predict(latest)
    assert predicted.expected_orders.sum() == pytest.approx(latest.future_order_count.sum(), rel=0.15)
    assert predicted.expected_spend.sum() == pytest.approx(latest.future_value.sum(), rel=0.15)
    due = predicted.expected_next_order_on
    assert (due >= AS_OF).all()
    assert (due <= pd.Timestamp(AS_OF) + pd.Timedelta(days=16)).all()
    assert (predicted.expected_next_order_from <= due).all()
    assert (predicted.expected_next_order_until >= due).all()
    steady = (latest.gap_mean_days < 6) & (latest.days_since_last_order < 4)
    assert (predicted.clv[steady] > 8 * predicted.expected_spend[steady]).all(), "a year is twelve times thirty days"


def test_a_shop_of_gifts_earns_nothing(panel: pd.DataFrame, rows: pd.DataFrame) -> None:
    free = panel.assign(value_total=0.0, future_value=0.0)
    predicted = ValueModel(threads=1).fit(free, as_of=AS_OF, horizon_days=30).predict(rows.assign(value_total=0.0))
    assert (predicted.expected_spend == 0).all()
    assert (predicted.expected_orders > 0).all()


def decisions(**answered: tuple[int, int]) -> pd.DataFrame:
    """Decisions by action: (answered, of how many), in stage retention."""
    rows = [(action, "retention", float(i < hits), 0.0) for action, (hits, n) in answered.items() for i in range(n)]
    return pd.DataFrame(rows, columns=["action_id", "stage", "answered", "unsubscribed"])


def test_response_without_data_is_the_prior() -> None:
    model = ResponseModel().fit(decisions(), {"mail": 0.05}, as_of=AS_OF)
    assert model.probability("mail", "retention", 0.05) == pytest.approx(0.05)
    assert model.probability("mail", "retention") == pytest.approx(0.05)
    assert model.probability("call", None, 0.2) == pytest.approx(0.2)
    assert model.unsubscribe_probability("mail", None, 0.01) == pytest.approx(0.01)


def test_response_is_drawn_from_stage_to_action_to_prior(tmp_path: Path) -> None:
    """30 of 100 against a prior of 0.1 counting as 20: (30 + 2) / 120; in its stage again (30 + 20 * 0.26667) / 120."""
    assert PRIOR_STRENGTH == 20
    model = ResponseModel().fit(decisions(mail=(30, 100)), {"mail": 0.1}, as_of=AS_OF)
    action = 32 / 120
    assert model.probability("mail", "advocacy", 0.1) == pytest.approx(action)
    assert model.probability("mail", "retention", 0.1) == pytest.approx((30 + 20 * action) / 120)
    assert model.unsubscribe_probability("mail", "retention") < 0.002
    model.save(tmp_path)
    again = ResponseModel.load(tmp_path)
    assert again.probability("mail", "retention") == model.probability("mail", "retention")
    with pytest.raises(InputError, match="holds a response model"):
        ChurnModel.load(tmp_path)


def test_a_missing_column_is_no_silent_zero(panel: pd.DataFrame, rows: pd.DataFrame) -> None:
    model: Any = ChurnModel(threads=1).fit(panel, as_of=AS_OF, horizon_days=30)
    with pytest.raises(KeyError):
        model.predict(rows.drop(columns="gap_mean_days"))
