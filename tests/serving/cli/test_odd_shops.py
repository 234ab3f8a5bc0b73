"""Odd shops get a clear answer from train and score: a refusal with a remedy, or the plainest model, said to rest on too little."""

import json
from datetime import datetime, timedelta

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

START = datetime(2025, 1, 1)
DAYS = 240


def shop(*, customers: int = 40, every_days: int = 10, until_day: int = DAYS, price: float = 20.0, first: str = "{:05}") -> pd.DataFrame:
    """Customers who order every so many days, each from another day on."""
    rows = [
        (first.format(i), START + timedelta(days=day, hours=9), f"p{i % 7}", 1, price)
        for i in range(customers)
        for day in range(i % every_days, until_day, every_days)
    ]
    return pd.DataFrame(rows, columns=["customer_id", "ordered_at", "product_id", "quantity", "unit_price"])


@pytest.fixture
def scored(nextbest, tmp_path):
    """scored(orders, *options): ingests, trains churn and value, scores; the scores and what was said on the way."""

    def run(orders: pd.DataFrame, *options: object, name: str = "home") -> tuple[pd.DataFrame, str]:
        file, output = tmp_path / "orders.csv", tmp_path / "scores.parquet"
        orders.to_csv(file, index=False)
        said = ""
        for command in (
            ("ingest", "--orders", file),
            ("train", "churn", "value", "--trials", 1, *options),
            ("score", "churn", "--output", output),
        ):
            ended = nextbest(*command, home=tmp_path / name)
            assert ended.code == 0, ended.err
            said += ended.err
        return pd.read_parquet(output), said

    return run


def sensible(scores: pd.DataFrame) -> None:
    assert scores.churn_probability.between(0, 1, inclusive="neither").all()
    numbers = scores[["expected_spend", "expected_orders", "clv", "historic_value"]]
    assert (numbers >= 0).all().all()
    assert numbers.map(lambda value: value == value and abs(value) < 1e15).all().all()
    assert scores.percentile.between(0, 1).all()


@pytest.mark.long
def test_nobody_left_is_the_base_rate_for_everybody(scored):
    scores, said = scored(shop(), "--horizon-days", 30, "--as-of", "2025-08-31")
    assert (scores.as_of == pd.Timestamp(2025, 8, 31)).all(), "by itself, score takes the champion's time where that is later"
    sensible(scores)
    assert scores.churn_probability.nunique() == 1
    assert scores.churn_probability.max() < 0.1
    assert scores.insufficient_data.all()
    assert scores.why.notna().all()
    assert "churn:" in said, "what is missing is said when training"


@pytest.mark.long
def test_a_look_back_changes_nothing_that_others_see(nextbest, tmp_path):
    """An analysis of last month writes its file, and leaves the published scores."""
    orders = tmp_path / "early.csv"
    shop(until_day=150).to_csv(orders, index=False)
    for command in (("ingest", "--orders", orders), ("train", "churn", "--trials", 1, "--horizon-days", 30)):
        assert nextbest(*command).code == 0
    shop().to_csv(orders, index=False)
    for command in (("ingest", "--orders", orders), ("publish",)):
        assert nextbest(*command).code == 0
    back = nextbest("score", "churn", "--as-of", "2025-06-15", "--output", tmp_path / "back.parquet")
    assert back.code == 0, back.err
    assert "not published" in back.err
    assert pd.read_parquet(tmp_path / "back.parquet").as_of.eq(pd.Timestamp(2025, 6, 15)).all()
    assert nextbest("export", "--to", tmp_path / "seen.parquet").code == 0
    assert pd.read_parquet(tmp_path / "seen.parquet").as_of.dt.tz_localize(None).gt(pd.Timestamp(2025, 8, 1)).all()


def test_everybody_left_is_the_base_rate_for_everybody(scored):
    scores, _ = scored(pd.concat([shop(until_day=60), shop(customers=1, every_days=DAYS - 1)]), "--horizon-days", 30)
    sensible(scores)
    assert scores.churn_probability.min() > 0.9
    assert scores.insufficient_data.all()


def test_one_customer_is_scored_and_said_to_be_too_few(scored):
    scores, said = scored(shop(customers=1), "--horizon-days", 30)
    sensible(scores)
    assert scores.customer_id.tolist() == ["00000"], "ids that look like numbers stay text"
    assert "1 customer" in said
    assert scores.percentile.tolist() == [0.5]


def test_returns_and_gifts_are_no_negative_worth(scored):
    orders = shop(first="c{}")
    gifts = orders[orders.customer_id == "c1"].assign(unit_price=0.0)
    returns = orders[orders.customer_id == "c2"].assign(quantity=-1, ordered_at=lambda rows: rows.ordered_at + timedelta(days=1))
    scores, _ = scored(pd.concat([orders[orders.customer_id != "c1"], gifts, returns]), "--horizon-days", 30)
    sensible(scores)
    assert scores.set_index("customer_id").historic_value["c1"] == 0.0


@pytest.mark.long
def test_a_currency_without_decimals_changes_no_probability(scored, monkeypatch):
    euro, _ = scored(shop(), "--horizon-days", 30)
    monkeypatch.setenv("NEXTBEST_CURRENCY", "VND")
    dong, _ = scored(shop(price=500_000.0), "--horizon-days", 30, name="vnd")
    sensible(dong)
    assert dong.churn_probability.to_numpy() == pytest.approx(euro.churn_probability.to_numpy())
    assert dong.expected_spend.to_numpy() == pytest.approx(25_000 * euro.expected_spend.to_numpy(), rel=0.02)
    assert (dong.historic_value % 500_000 == 0).all()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--horizon-days", "400"), "--horizon-days"),
        (("--as-of", "2024-06-01"), "Nobody bought anything before 2024-06-01"),
        (("--as-of", "2999-01-01"), "lies in the future"),
    ],
    ids=["horizon longer than the history", "before the first order", "in the future"],
)
def test_what_cannot_be_learned_is_refused_with_a_remedy(nextbest, tmp_path, options, said):
    file = tmp_path / "orders.csv"
    shop(customers=5).to_csv(file, index=False)
    nextbest("ingest", "--orders", file)
    for command in (("train", "churn", *options), ("train", "value", *options)):
        ended = nextbest(*command)
        assert ended.code == 2, ended
        assert said in ended.err
        assert "Traceback" not in ended.err
    listed = nextbest("--json", "models")
    assert json.loads(listed.out) == []
