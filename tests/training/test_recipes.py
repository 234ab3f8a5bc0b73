"""From orders to a registered champion and everybody's scores, on a small shop whose law is known."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.engine import Tables, tables_from_frames
from features.errors import InputError
from features.home import open_home
from features.journey import load_stages
from training import score
from training.bands import load_bands
from training.churn import ChurnModel
from training.churn_backtest import backtest
from training.evaluation.classification import auc
from training.material import gather, usual_horizon
from training.reasons import Reason
from training.recipes import train_churn, train_response, train_value
from training.registry import Registry
from training.segments.rfm import load_segments
from training.trained import Trained
from training.value import ValueModel

START = datetime(2024, 1, 1)
AS_OF = START + timedelta(days=300)
Orders = Callable[..., pd.DataFrame]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return Registry(open_home(tmp_path_factory.mktemp("shop") / "home"))


@pytest.fixture(scope="module")
def trained(shop: Tables, registry: Registry) -> dict[str, Trained]:
    churn = train_churn(shop, registry, AS_OF, 30, data_hash="abc", threads=1)
    value = train_value(shop, registry, AS_OF, 30, data_hash="abc", threads=1)
    return {"churn": churn, "value": value}


@pytest.fixture(scope="module")
def models(trained: dict[str, Trained], registry: Registry) -> tuple[ChurnModel, ValueModel]:
    assert all(one.promoted for one in trained.values())
    return ChurnModel.load(registry.fetch("churn")), ValueModel.load(registry.fetch("value"))


def test_a_trained_version_carries_its_evidence(trained: dict[str, Trained], registry: Registry) -> None:
    for kind, one in trained.items():
        assert one.why.startswith("Promoted: it beats")
        champion = registry.champion(kind)
        assert champion is not None
        assert champion.version == one.version
        assert champion.tags["data_hash"] == "abc"
        assert champion.tags["as_of"] == AS_OF.isoformat()
        assert champion.metrics["backtest_loss"] < champion.metrics["backtest_loss_naive"]
        card = (registry.fetch(kind).parent / "model_card.md").read_text()
        assert "Promoted: it beats" in card
        assert "time-ordered" in card or "labels were over" in card


def test_scores_of_everybody(shop: Tables, models: tuple[ChurnModel, ValueModel]) -> None:
    churn, value = models
    scores = score.churn_scores(shop, churn, value, AS_OF, load_bands(), load_stages())
    assert len(scores) == 450
    assert scores.customer_id.is_monotonic_increasing
    assert scores.churn_probability.between(0, 1, inclusive="neither").all()
    assert scores.percentile.mean() == pytest.approx(0.5)
    assert (scores.sort_values("churn_probability").percentile.diff().dropna() >= 0).all()
    assert scores.groupby("stage").percentile_in_stage.mean().to_numpy() == pytest.approx(0.5)
    assert set(scores.band) <= {"active", "cooling", "at risk", "lapsed"}
    assert (scores.model_version == "1").all()
    assert scores.notna().drop(columns=["average_days_between_orders", "persona", "why"]).all().all()
    assert set(scores.segment) <= set(load_segments().names)
    gone = scores.customer_id.str[1:].astype(int) % 9 < 3
    assert auc(gone, scores.churn_probability) > 0.9, "who left halfway is told from who stayed"
    without = score.churn_scores(shop, churn, None, AS_OF, load_bands(), load_stages())
    assert without.expected_spend.isna().all()
    assert list(without.columns) == list(scores.columns)


def test_scores_with_reasons_are_the_same_scores(shop: Tables, models: tuple[ChurnModel, ValueModel], tmp_path: Path) -> None:
    plain = score.churn_scores(shop, *models, AS_OF, load_bands(), load_stages())
    told = score.churn_scores_with_reasons(shop, *models, AS_OF, load_bands(), load_stages())
    pd.testing.assert_frame_equal(plain.drop(columns="reasons"), told.drop(columns="reasons"))
    assert told.reasons.map(len).between(1, 3).all()
    assert all(isinstance(one, Reason) for row in told.reasons for one in row)
    written = score.in_sentences(told, "vi", currency="EUR")
    written.to_parquet(tmp_path / "scores.parquet")
    assert list(pd.read_parquet(tmp_path / "scores.parquet").reasons[0]) == [one.sentence("vi", currency="EUR") for one in told.reasons[0]]
    with pytest.raises(InputError, match="no reasons in fr"):
        score.in_sentences(told, "fr")


def test_reasons_are_told_against_the_usual_active_customer(shop: Tables, models: tuple[ChurnModel, ValueModel]) -> None:
    churn, _ = models
    current = gather(shop, AS_OF, 30).current
    active = current[current.days_since_last_order <= 60]
    assert churn.contributions(active).mean().to_numpy() == pytest.approx(np.array(list(churn.usual.values())), abs=1e-9)
    gone = current[current.days_since_last_order > 120]
    told = [one for row in churn.reasons(gone) for one in row]
    assert len(told) > len(gone)
    assert {one.direction for one in told if one.family == "rhythm"} == {"raises"}


def test_rows_after_as_of_change_nothing(shop_orders: Orders, shop: Tables) -> None:
    orders = shop_orders(450, 300)
    cut = START + timedelta(days=240)
    later = orders.ordered_at >= cut
    changed = orders.assign(unit_price=orders.unit_price.mask(later, 9999.0))[~(later & (orders.index % 2 == 0))]
    known, other = gather(shop, cut, 30), gather(tables_from_frames({"orders": changed}), cut, 30)
    pd.testing.assert_frame_equal(known.panel, other.panel)
    pd.testing.assert_frame_equal(known.current, other.current)


def test_the_backtest_prefers_knowledge_and_reports_every_candidate(panel: pd.DataFrame) -> None:
    found = backtest(panel, horizon_days=30, threads=1)
    assert found.table.index[-1] == "base rate"
    assert {"LightGBM", "logistic on RFM", "BG/NBD"} <= set(found.table.index)
    assert found.rows.as_of.nunique() == 1
    assert found.metrics["auc"] > 0.75
    assert np.mean((found.chosen - found.churned) ** 2) < np.mean((found.naive - found.churned) ** 2)


def test_training_again_is_compared_with_the_champion(shop: Tables, trained: dict[str, Trained], registry: Registry) -> None:
    again = train_churn(shop, registry, AS_OF, 30, threads=1)
    assert again.promoted
    assert "recorded" in again.why, "the champion has seen this backtest's answers"
    later = train_churn(shop, registry, AS_OF, 60, threads=1)
    assert "beats" in later.why, "another horizon is another question"
    assert registry.rollback("churn") == again.version
    assert registry.rollback("churn") == trained["churn"].version


@pytest.mark.parametrize(("customers", "days"), [(1, 100), (3, 60), (40, 70)])
def test_small_shops_get_an_honest_model(customers: int, days: int, shop_orders: Orders, registry: Registry) -> None:
    tables = tables_from_frames({"orders": shop_orders(customers, days)})
    as_of = START + timedelta(days=days)
    churn, value = (train(tables, registry, as_of, 14, threads=1) for train in (train_churn, train_value))
    models = ChurnModel.load(registry.fetch("churn", churn.version)), ValueModel.load(registry.fetch("value", value.version))
    scores = score.churn_scores_with_reasons(tables, *models, as_of, load_bands(), load_stages())
    assert len(scores) == customers
    assert scores.churn_probability.between(0, 1, inclusive="neither").all()
    assert scores.expected_spend.ge(0).all()


def test_returns_alone_and_new_customers_are_flagged(shop_orders: Orders, models: tuple[ChurnModel, ValueModel]) -> None:
    orders = shop_orders(30, 300)
    odd = orders.head(2).assign(customer_id=["returner", "newcomer"], order_id=["r", "n"], ordered_at=AS_OF - timedelta(days=2))
    odd["line_kind"] = ["return", "sale"]
    scores = score.churn_scores(tables_from_frames({"orders": pd.concat([orders, odd])}), *models, AS_OF, load_bands(), load_stages())
    flags = scores.set_index("customer_id").insufficient_data
    assert flags["returner"]
    assert flags["newcomer"]
    assert not flags["c0001"]
    assert scores.churn_probability.notna().all()


def test_too_short_a_history_says_what_to_do(shop_orders: Orders, registry: Registry) -> None:
    tables = tables_from_frames({"orders": shop_orders(20, 30)})
    with pytest.raises(InputError, match="horizon-days"):
        train_churn(tables, registry, START + timedelta(days=30), 90)
    with pytest.raises(InputError, match="Nobody bought"):
        train_value(tables, registry, START - timedelta(days=1), 30)


def test_the_horizon_fits_the_shops_rhythm() -> None:
    def shop_of(gap: float, age: float) -> pd.DataFrame:
        return pd.DataFrame({"gap_mean_days": [gap, gap, np.nan], "customer_age_days": [age, age / 2, 1.0]})

    assert usual_horizon(shop_of(20, 1000)) == 30
    assert usual_horizon(shop_of(120, 1000)) == 180
    assert usual_horizon(shop_of(120, 200)) == 30, "a quarter of the history at most"
    assert usual_horizon(shop_of(np.nan, 1000)) == 30
    assert usual_horizon(shop_of(1, 5)) == 7


def test_response_learns_from_decisions_or_keeps_the_priors(registry: Registry) -> None:
    n = 400
    decisions = pd.DataFrame(
        {
            "decision_id": [f"d{i}" for i in range(n)],
            "customer_id": [f"c{i}" for i in range(n)],
            "decided_at": [START + timedelta(days=i / 2) for i in range(n)],
            "stage": "retention",
            "channel": "email",
            "action_id": "mail",
            "action_probability": 1.0,
        }
    )
    said = decisions.decision_id[::2]
    answered_at = decisions.decided_at[::2] + timedelta(days=1)
    outcomes = pd.DataFrame({"event_id": "e" + said, "decision_id": said, "outcome_type": "accepted", "occurred_at": answered_at})
    made = train_response(
        tables_from_frames({"decisions": decisions, "outcomes": outcomes}), registry, AS_OF, {"mail": 0.05}, data_hash="x"
    )
    assert made.promoted
    assert made.metrics["backtest_loss"] < made.metrics["backtest_loss_naive"]
    empty = train_response(tables_from_frames({}), registry, AS_OF, {"mail": 0.05})
    assert not empty.promoted
    assert "a champion that has proof" in empty.why
