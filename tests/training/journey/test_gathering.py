"""From a shop's tables to a panel and a registered champion: point in time, money by hand, and shops that lack something."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.engine import Tables, tables_from_frames
from features.errors import InputError
from features.home import open_home
from features.journey import load_stages
from features.money_flow import spent_between, unsubscribed_at
from training.journey import gathering
from training.journey.gathering import MONTH, gather_panel, step_cutoffs
from training.journey.panel import ABSENT, Panel
from training.journey.recipe import train_journey
from training.journey.states import STATES
from training.journey_value import JourneyValues
from training.registry import Registry

START = datetime(2024, 1, 1)
AS_OF = START + timedelta(days=300)
Orders = Callable[..., pd.DataFrame]


def day(count: float) -> datetime:
    return START + timedelta(days=count)


def lines(rows: list[tuple[str, float, float, float, float, str]]) -> pd.DataFrame:
    """customer, day, quantity, unit_price, discount, kind."""
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "quantity", "unit_price", "discount_amount", "line_kind"])
    instants = [day(one) for one in frame.pop("day")]
    return frame.assign(ordered_at=instants, order_id=[f"o{i}" for i in range(len(frame))], product_id="p")


def events(rows: list[tuple[str, str, float]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "event_type", "day"])
    instants = [day(one) for one in frame.pop("day")]
    return frame.assign(occurred_at=instants, event_id=[f"e{i}" for i in range(len(frame))])


def test_money_is_sales_less_discounts_and_returns_in_half_open_steps() -> None:
    orders = lines(
        [
            ("a", 9.999, 1, 50, 0, "sale"),
            ("a", 10, 2, 10, 3, "sale"),
            ("a", 19.999, 1, 5, 0, "sale"),
            ("a", 20, 1, 7, 0, "sale"),
            ("a", 21, -1, 30, 0, "return"),
            ("b", 15, 1, 4, 0, "fee"),
            ("b", 30, 1, 4, 0, "sale"),
        ]
    )
    found = spent_between(tables_from_frames({"orders": orders}), [day(10), day(20), day(30)])
    assert found.to_numpy().tolist() == [["a", 0, 22.0], ["a", 1, -23.0]]


def test_an_unsubscription_is_an_event_or_an_outcome_whichever_comes_first() -> None:
    told = events([("a", "unsubscribed", 5), ("a", "unsubscribed", 9), ("b", "page_view", 3), ("d", "unsubscribed", 40)])
    decisions = pd.DataFrame(
        {
            "decision_id": ["x", "y"],
            "customer_id": ["a", "c"],
            "decided_at": [day(1), day(2)],
            "action_id": "letter",
            "action_probability": 1.0,
        }
    )
    outcomes = pd.DataFrame(
        {
            "event_id": ["o1", "o2", "o3"],
            "decision_id": ["x", "y", "y"],
            "outcome_type": ["unsubscribed", "viewed", "unsubscribed"],
            "occurred_at": [day(3), day(4), day(6)],
        }
    )
    tables = tables_from_frames({"events": told, "decisions": decisions, "outcomes": outcomes})
    found = unsubscribed_at(tables, day(40))
    assert dict(zip(found.customer_id, pd.to_datetime(found.unsubscribed_us, unit="us"), strict=True)) == {"a": day(3), "c": day(6)}


def test_steps_end_at_as_of_and_fit_the_history() -> None:
    for days, steps, parts in ((1200, 24, 1), (300, 9, 1), (120, 7, 2), (50, 6, 4), (8, 1, 4), (3, 0, 4)):
        cuts, found = step_cutoffs(AS_OF - timedelta(days=days), AS_OF)
        assert (len(cuts) - 1, found, cuts[-1]) == (steps, parts, AS_OF)
        assert all(late - early == MONTH / parts for early, late in pairwise(cuts))
        assert cuts[0] >= AS_OF - timedelta(days=days)
    assert step_cutoffs(None, AS_OF) == ([AS_OF], 1)


@pytest.fixture(scope="module")
def whole(shop_orders: Orders) -> dict[str, pd.DataFrame]:
    """Orders up to and after AS_OF, views and carts before first orders, and unsubscriptions."""
    orders = shop_orders(300, 360)
    firsts = orders.groupby("customer_id")["ordered_at"].min()
    visits = [(c, kind, (at - START).days - back) for c, at in firsts.items() for kind, back in (("product_view", 9), ("add_to_cart", 3))]
    lookers = [(f"v{i:03}", "page_view", float(i % 340)) for i in range(120)]
    leavers = [(f"c{i:04}", "unsubscribed", 100.0 + i) for i in range(0, 240, 3)]
    return {"orders": orders, "events": events([*visits, *lookers, *leavers])}


def cut_off(frames: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    instants = {"orders": "ordered_at", "events": "occurred_at"}
    return {name: frame[frame[instants[name]] < AS_OF] for name, frame in frames.items()}


def test_nothing_at_or_after_as_of_is_seen(whole: dict[str, pd.DataFrame]) -> None:
    later = {name: frame.copy() for name, frame in whole.items()}
    later["orders"].loc[later["orders"].ordered_at >= AS_OF, ["unit_price", "quantity"]] = [1e6, 9.0]
    later["events"] = pd.concat(
        [later["events"], events([("c0001", "unsubscribed", 300.0), ("c0002", "add_to_cart", 300.0)]).assign(event_id=["n1", "n2"])]
    )
    models = [
        JourneyValues().fit(gather_panel(tables_from_frames(frames), AS_OF, load_stages()), as_of=AS_OF).to_plain()
        for frames in (cut_off(whole), whole, later)
    ]
    assert models[0] == models[1] == models[2]
    assert len(models[0]["values"]) > 6


def test_a_panel_cut_short_is_the_panel_of_that_time(whole: dict[str, pd.DataFrame]) -> None:
    tables = tables_from_frames(whole)
    panel = gather_panel(tables, AS_OF, load_stages())
    early = gather_panel(tables, panel.cutoffs[6], load_stages())
    cut = panel.before(6)
    assert cut.step_count == 6
    assert cut.spent.sum(axis=0) == pytest.approx(early.spent[:, -6:].sum(axis=0))
    seen = (cut.states != ABSENT).any(axis=1)
    assert seen.all()
    assert np.bincount(cut.states[:, -1] + 1).tolist() == np.bincount(early.states[:, -1] + 1).tolist()
    assert (cut.unsubscribed_in <= 6).all()


def test_states_are_those_of_the_stages_and_money_lies_beside_them(whole: dict[str, pd.DataFrame]) -> None:
    panel = gather_panel(tables_from_frames(cut_off(whole)), AS_OF, load_stages())
    stages = {STATES[code][0] for code in np.unique(panel.states[panel.states != ABSENT])}
    assert {"awareness", "consideration", "decision", "purchase", "retention"} <= stages
    orders = whole["orders"]
    inside = orders[(orders.ordered_at >= panel.cutoffs[3]) & (orders.ordered_at < panel.cutoffs[4])]
    known = orders.groupby("customer_id")["ordered_at"].min()
    assert panel.spent[:, 3].sum() == pytest.approx((inside.unit_price * inside.quantity).sum())
    assert (panel.states[:, 3] != ABSENT).sum() >= (known < panel.cutoffs[3]).sum()
    bucket = panel.order_counts[:, 1:] >= panel.order_counts[:, :-1]
    assert bucket.all(), "an order count never falls"


def test_with_orders_alone_what_comes_before_them_is_not_known(whole: dict[str, pd.DataFrame]) -> None:
    orders = pd.concat([whole["orders"], lines([("returned_only", 40, -1, 5, 0, "return")])])
    panel = gather_panel(tables_from_frames({"orders": orders}), AS_OF, load_stages())
    model = JourneyValues().fit(panel, as_of=AS_OF)
    assert {stage for stage, _ in model.values} <= {"purchase", "retention", "advocacy"}
    assert model.values == JourneyValues().fit(_events_after(orders), as_of=AS_OF).values, "events to come tell nothing"
    for stage in ("awareness", "consideration", "decision"):
        assert model.worth(stage, 0) is None
        assert model.gain(stage, 0, "purchase") is None
    assert model.worth("retention", 9) is not None


def _events_after(orders: pd.DataFrame) -> Panel:
    tables = tables_from_frames({"orders": orders, "events": events([("returned_only", "page_view", 310)])})
    return gather_panel(tables, AS_OF, load_stages())


def test_many_customers_are_thinned_alike_every_time(whole: dict[str, pd.DataFrame], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MOST_CUSTOMERS", 100)
    tables = tables_from_frames({"orders": whole["orders"]})
    first, second = (gather_panel(tables, AS_OF, load_stages()) for _ in range(2))
    assert 50 < len(first.states) < 150
    assert (first.states == second.states).all()
    assert (first.spent == second.spent).all()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return Registry(open_home(tmp_path_factory.mktemp("shop") / "home"))


def test_a_trained_version_carries_its_evidence(whole: dict[str, pd.DataFrame], registry: Registry, tmp_path: Path) -> None:
    trained = train_journey(tables_from_frames(whole), registry, AS_OF, load_stages(), data_hash="abc")
    assert trained.promoted
    assert {"bias", "calibration_error", "naive_bias", "leaving_share", "backtest_loss"} <= set(trained.metrics)
    assert trained.metrics["unsubscribed"] > 0
    assert [row["stage"] for row in trained.table][:1] == ["awareness"]
    assert not trained.warnings
    registry.export_champions(tmp_path)
    loaded = JourneyValues.load((tmp_path / "journey").resolve())
    assert (loaded.version, loaded.data_hash) == (trained.version, "abc")
    card = (registry.fetch("journey").parent / "model_card.md").read_text()
    assert "confounded" in card
    assert "| retention |" in card


def test_what_a_shop_lacks_is_said(whole: dict[str, pd.DataFrame], registry: Registry) -> None:
    alone = train_journey(tables_from_frames({"orders": whole["orders"]}), registry, AS_OF, load_stages())
    assert any(text.startswith("without events") for text in alone.warnings)
    assert any("30% of a worth" in text for text in alone.warnings)
    few = lines([("a", 1, 1, 10, 0, "sale"), ("b", 2, 1, 30, 0, "sale")])
    trained = train_journey(tables_from_frames({"orders": few}), registry, day(3), load_stages())
    assert trained.promoted
    assert "too few" in trained.warnings[0]
    assert {row["worth_12_months"] for row in trained.table} == {20.0}
    assert {row["known_by"] for row in trained.table} == {"prior"}


def without_orders() -> dict[str, Tables]:
    decisions = pd.DataFrame(
        {"decision_id": ["x"], "customer_id": ["a"], "decided_at": [day(1)], "action_id": "letter", "action_probability": 1.0}
    )
    return {
        "empty": tables_from_frames({}),
        "decisions alone": tables_from_frames({"decisions": decisions}),
        "events alone": tables_from_frames({"events": events([("a", "page_view", 5)])}),
        "orders later": tables_from_frames({"orders": lines([("a", 400, 1, 10, 0, "sale")])}),
    }


@pytest.mark.parametrize("kind", list(without_orders()))
def test_without_orders_it_is_said_and_left_out(kind: str, registry: Registry) -> None:
    with pytest.raises(InputError, match="Nobody bought anything before 2024-10-27"):
        train_journey(without_orders()[kind], registry, AS_OF, load_stages())
