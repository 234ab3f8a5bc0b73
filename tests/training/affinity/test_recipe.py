"""The recipe: versions in the registry, with verdicts in words, against the present champion on the same customers."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from features.engine import tables_from_frames
from features.errors import InputError
from features.home import open_home
from features.interactions import interactions
from training.affinity.backtest import run_backtest
from training.affinity.history import encode
from training.affinity.model import AffinityModel
from training.affinity.orders import PLAIN
from training.affinity.recipe import train_affinity
from training.affinity.sheets import ALL, NEW
from training.evaluation.ranking import hits_of, ndcg_at
from training.registry import Registry

pytestmark = pytest.mark.slow
START = datetime(2025, 1, 1)
SINCE = START + timedelta(days=145)


@pytest.fixture(scope="module")
def tables(rich):
    """The last two months of the shop, as the contract has them."""
    orders = rich.purchases[rich.purchases.ordered_at >= SINCE].assign(line_kind="sale", unit_price=1.0)
    seen = rich.interest[rich.interest.occurred_at >= SINCE]
    events = seen.assign(event_id=[f"e{i}" for i in range(len(seen))])
    customers = rich.places.rename(columns={"place": "country"})
    return tables_from_frames({"orders": orders, "events": events, "products": rich.products, "customers": customers})


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return Registry(open_home(tmp_path_factory.mktemp("home") / "shop"))


@pytest.fixture(scope="module")
def first(tables, registry, end):
    return train_affinity(tables, registry, end - timedelta(days=12), data_hash="abc", threads=1, horizon_days=10)


@pytest.fixture(scope="module")
def later(tables, registry, end, first):
    assert registry.champion("affinity").version == first.version
    return train_affinity(tables, registry, end, data_hash="abd", threads=1, horizon_days=10)


def test_the_first_version_stands_against_personal_frequency(first):
    assert (first.kind, first.promoted) == ("affinity", True)
    assert "personal frequency" in first.why


def test_a_version_says_what_it_is_made_of(later, registry, end):
    kept = registry.version("affinity", later.version)
    assert kept.tags["data_hash"] == "abd"
    assert kept.tags["as_of"] == end.isoformat()
    assert kept.tags["verdict"] == later.why
    model = AffinityModel.load(registry.fetch("affinity", later.version))
    assert (model.as_of, model.data_hash, model.horizon_days, model.version) == (end, "abd", 10, later.version)
    assert model.metrics == later.metrics
    assert kept.metrics == pytest.approx(dict(later.metrics))
    assert kept.parameters["ways.all"] == model.orders.ways[ALL]
    assert kept.parameters["ways.new"] == model.orders.ways[NEW]
    assert kept.parameters["sources"] == ", ".join(model.sources)
    assert kept.parameters["horizon_days"] == "10"
    assert kept.parameters["cuts"].endswith((end - timedelta(days=10)).isoformat())


def test_every_way_is_measured_in_both_modes(later, registry):
    model = AffinityModel.load(registry.fetch("affinity", later.version))
    for mode in (ALL, NEW):
        ways = {name.split(".")[1] for name in later.metrics if name.startswith(f"{mode}.")}
        assert ways == {PLAIN, "blend", "ranker"}
        chosen, plain = (later.metrics[f"{mode}.{way}.ndcg_at_10"] for way in (model.orders.ways[mode], PLAIN))
        assert chosen >= plain - 2 * later.metrics[f"{mode}.{PLAIN}.ndcg_at_10_standard_error"]
        for name in ("recall_at_10", "ndcg_at_10", "hit_rate_at_10"):
            assert all(0.0 <= later.metrics[f"{mode}.{way}.{name}"] <= 1.0 for way in ways)


def test_a_later_version_meets_the_champion_on_the_same_customers(later, tables, registry, first, end):
    """The champion ends before the newest cut: it is asked the same, and the verdict holds the paired difference."""
    assert later.promoted
    assert "present champion" in later.why
    assert "recorded" not in later.why
    known = interactions(tables, end)
    tried = run_backtest(encode(known), end, horizon_days=10, threads=1)
    exam, history = tried.asked[ALL], encode(known)
    champion = AffinityModel.load(registry.fetch("affinity", first.version))
    lists = champion.recommend(known, 10, as_of=exam.cut, customer_ids=history.customer_ids[exam.customers].tolist())
    hits, counts, customers = hits_of(lists, exam.wanted(history), 10)
    assert customers.tolist() == history.customer_ids[exam.customers].tolist()
    difference = float(np.mean(tried.losses(ALL) - (1.0 - ndcg_at(hits, counts, 10))))
    assert f"{difference:+.4f}" in later.why
    assert f"{len(customers)} rows" in later.why


def test_a_champion_that_saw_the_window_is_compared_by_its_record(tables, registry, later, end):
    again = train_affinity(tables, registry, end, threads=1, horizon_days=10)
    assert again.promoted
    assert "recorded" in again.why
    assert again.metrics == later.metrics


def test_the_card_tells_of_data_choice_and_limits(later, registry):
    text = (registry.fetch("affinity", later.version).parent / "model_card.md").read_text()
    for said in ("customers", "products in the range", "signs of interest", "horizon_days", "earlier cuts", "no probability"):
        assert said in text


def test_too_little_history_is_promoted_without_proof(purchases, tmp_path):
    tables = tables_from_frames(
        {"orders": purchases([("a", "x", 0), ("b", "y", 3), ("a", "x", 9)]).assign(line_kind="sale", unit_price=1.0)}
    )
    registry = Registry(open_home(tmp_path / "home"))
    made = train_affinity(tables, registry, START + timedelta(days=10))
    assert made.promoted
    assert made.why.startswith("Promoted without proof: the backtest has 0 rows")
    assert made.metrics == {}
    model = AffinityModel.load(registry.fetch("affinity"))
    assert model.orders.ways == {ALL: PLAIN, NEW: "blend"}
    assert "thirty customers" in made.warnings[0]


def test_orders_without_products_are_refused_with_a_remedy(purchases, registry):
    bare = purchases([("a", "x", 0)]).assign(product_id=None, line_kind="sale")
    with pytest.raises(InputError, match="churn and value work without products"):
        train_affinity(tables_from_frames({"orders": bare}), registry, datetime(2026, 1, 1))
