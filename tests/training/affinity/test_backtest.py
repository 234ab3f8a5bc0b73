"""The backtest and the recipe: half-open windows, no look ahead, and a blend that may lose to personal frequency, and is refused then."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from features.engine import tables_from_frames
from features.errors import InputError
from features.home import open_home
from training.affinity.backtest import BLENDED, choose_or_drop, cut_offs, default_horizon_days, run_backtest
from training.affinity.blend import ALL, FREQUENT, NEW, PLAIN, Blend, Sheet, choose_weights
from training.affinity.exams import exam_at
from training.affinity.history import encode
from training.affinity.model import AffinityModel
from training.affinity.recall import MATRIX_FACTORISATION, PERSONAL_FREQUENCY, POPULARITY, PRODUCT_SIMILARITY
from training.affinity.recipe import train_affinity
from training.evaluation.ranking import hits_of, ndcg_at
from training.registry import Registry

START = datetime(2025, 1, 1)


@pytest.fixture(scope="module")
def tried(shop, end):
    return run_backtest(encode(shop), end, np.random.default_rng(0))


def test_an_exam_asks_for_the_half_open_window(purchases):
    history = encode(
        purchases([("a", "x", 0), ("b", "x", 0), ("a", "y", 4), ("a", "y", 5), ("a", "z", 9), ("new", "x", 6), ("b", "w", 10)])
    )
    exam = exam_at(history, START + timedelta(days=5, hours=9), 5)
    named = [
        (str(history.customer_ids[exam.customers[r]]), str(history.product_ids[p])) for r, p in zip(exam.row, exam.product, strict=True)
    ]
    assert named == [("a", "y"), ("a", "z")]  # the cut counts, its end does not; strangers are not asked
    assert exam.wanted_counts.tolist() == [2]
    never = exam.never_bought(history.before(exam.cut))
    assert history.product_ids[never.product].tolist() == ["z"]


def test_cuts_leave_a_horizon_before_and_after(shop, end):
    history = encode(shop)
    horizon = default_horizon_days(history)
    assert 8 <= horizon <= 12
    cuts = cut_offs(history, end, horizon)
    assert cuts == [end - timedelta(days=horizon * i) for i in (3, 2, 1)]
    assert cut_offs(history, end, 90) == [end - timedelta(days=90)]
    assert cut_offs(history, end, 150) == []


def test_the_blend_is_measured_beside_its_rivals(tried):
    metrics = tried.metrics()
    for mode in (ALL, NEW):
        for rival in (PERSONAL_FREQUENCY, POPULARITY, MATRIX_FACTORISATION, PRODUCT_SIMILARITY, BLENDED):
            assert 0.0 <= metrics[f"{mode}.{rival}.recall_at_10"] <= 1.0
    assert metrics["new.blend.ndcg_at_10"] > 2 * metrics["new.popularity.ndcg_at_10"]  # tastes are there to be found


def noise(purchases, seed):
    """Sixty customers who buy six products of forty at random every ten days: nothing is to be learned."""
    rng = np.random.default_rng(seed)
    rows = [(f"c{i:02}", f"p{p:02}", day) for i in range(60) for day in range(0, 60, 10) for p in rng.choice(40, 6, replace=False)]
    return run_backtest(encode(purchases(rows)), START + timedelta(days=60), np.random.default_rng(0), horizon_days=10)


def test_on_noise_the_blend_sometimes_loses_to_personal_frequency(purchases):
    differences = [
        float((t.losses(ALL, BLENDED) - t.losses(ALL, PERSONAL_FREQUENCY)).mean()) for t in (noise(purchases, s) for s in range(8))
    ]
    assert max(differences) > 0.0
    assert min(differences) < 0.0


def test_what_is_measured_was_chosen_without_the_newest_window(shop, end, tried):
    """Whatever is bought after the newest cut, the same blend and half-lives are measured; only what serves later learns from it."""
    cut = tried.cuts[-1]
    later = np.flatnonzero(shop.ordered_at >= cut)
    other = shop.copy()
    other.iloc[later, other.columns.get_loc("product_id")] = np.random.default_rng(1).permutation(other.product_id.iloc[later])
    other = other.drop(index=later[::3]).drop_duplicates(["order_id", "product_id"])
    again = run_backtest(encode(other), end, np.random.default_rng(0), horizon_days=tried.horizon_days)
    assert again.cuts == tried.cuts
    assert (again.half_lives, again.measured) == (tried.half_lives, tried.measured)
    assert again.metrics() != tried.metrics()


def test_the_measured_blend_is_what_the_model_recommends_with_it(shop, tried):
    exam, history = tried.exams[ALL], encode(shop)
    seen = shop[shop.ordered_at < exam.cut]
    model = AffinityModel(Blend({ALL: tried.measured.modes[ALL], NEW: {}}), tried.half_lives)
    customers = history.customer_ids[exam.customers]
    wanted = pd.DataFrame({"customer_id": customers[exam.row], "product_id": history.product_ids[exam.product]})
    lists = model.fit(seen, as_of=exam.cut).recommend(seen, 10, customer_ids=customers.tolist())
    hits, counts, _ = hits_of(lists, wanted, 10)
    assert ndcg_at(hits, counts, 10).mean() == pytest.approx(tried.metrics()["all.blend.ndcg_at_10"], abs=0.01)


def test_half_lives_are_tried_around_the_rhythm_before_the_first_cut(purchases):
    """Customers who came every ten days come daily in the last month, of which the gap says nothing yet."""
    days = [*range(0, 60, 10), *range(60, 90)]
    rows = [(f"c{i}", f"p{(i + d) % 7}", d) for i in range(40) for d in days]
    tried = run_backtest(encode(purchases(rows)), START + timedelta(days=90), np.random.default_rng(0), horizon_days=10)
    assert tried.cuts[0] == START + timedelta(days=60)
    assert tried.half_lives.personal_days in {20.0, 40.0, 80.0, 160.0}


def test_the_sheets_measure_what_the_model_recommends(shop, tried):
    exam, history = tried.exams[ALL], encode(shop)
    seen = shop[shop.ordered_at < exam.cut]
    model = AffinityModel(Blend({ALL: FREQUENT, NEW: {}}), tried.half_lives).fit(seen, as_of=exam.cut)
    customers = history.customer_ids[exam.customers]
    wanted = pd.DataFrame({"customer_id": customers[exam.row], "product_id": history.product_ids[exam.product]})
    hits, counts, _ = hits_of(model.recommend(seen, 10, customer_ids=customers.tolist()), wanted, 10)
    assert counts.tolist() == exam.wanted_counts.tolist()
    assert hits.tolist() == tried.hits[ALL][PERSONAL_FREQUENCY].tolist()


def test_the_future_changes_nothing(shop):
    cut = START + timedelta(days=150)
    blind = run_backtest(encode(shop[shop.ordered_at < cut]), cut, np.random.default_rng(0))
    tried = run_backtest(encode(shop), cut, np.random.default_rng(0))
    assert (blind.half_lives, blind.blend, blind.metrics()) == (tried.half_lives, tried.blend, tried.metrics())


def test_too_little_history_gives_the_plain_blend(purchases):
    history = encode(purchases([("a", "x", 0), ("b", "y", 3), ("a", "x", 9)]))
    tried = run_backtest(history, START + timedelta(days=10), np.random.default_rng(0))
    assert tried.blend.modes == PLAIN
    assert tried.metrics() == {}
    assert len(tried.losses(ALL, BLENDED)) == 0


def test_one_cut_is_split_between_choosing_and_measuring(shop, end):
    tried = run_backtest(encode(shop), end, np.random.default_rng(0), horizon_days=90)
    assert tried.cuts == (end - timedelta(days=90),)
    assert tried.metrics()["all.blend.customers"] == 60


def sheet(said, hits):
    """One customer's candidates as columns 0, 1, ..., what the four sources say of them, and which are wanted."""
    said, hits = np.array(said, np.float32)[:, None, :], np.array([hits])
    return Sheet(np.arange(hits.shape[1])[None, :], said, hits, hits.sum(axis=1), hits.shape[1])


def test_weights_go_to_the_source_that_knows():
    knows = sheet([[0.1, 0, 0], [1, 0.5, 0.1], [0, 0, 1], [0, 0, 0]], [False, False, True])
    assert choose_weights([knows], ALL)[MATRIX_FACTORISATION] > 0.0
    assert knows.ndcg(choose_weights([knows], ALL)).tolist() == [1.0]
    alone = sheet([[1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 0]], [True, False, False])
    assert alone.ndcg(choose_weights([alone], ALL)).tolist() == [1.0]


def fads(purchases):
    """Two months of fads, that a few start and everybody follows; then everybody is back at their ten own products."""
    rows = [(f"c{i}", f"own{i}-{k}", day) for i in range(80) for k in range(10) for day in (5, 15, 25, 35, 45, 55, 95)]
    rows += [
        (f"first{j}", f"fad{fad}", day) for j in range(40) for start, day in ((0, 65), (5, 75), (10, 85)) for fad in range(start, start + 5)
    ]
    rows += [(f"c{i}", f"fad{fad}", day) for i in range(80) for start, day in ((0, 75), (5, 85)) for fad in range(start, start + 5)]
    return purchases(rows)


def test_a_blend_that_loses_at_the_newest_cut_is_measured_as_losing(purchases):
    tried = run_backtest(encode(fads(purchases)), START + timedelta(days=100), np.random.default_rng(0), horizon_days=10)
    metrics = tried.metrics()
    assert metrics["all.popularity.ndcg_at_10"] < 0.1 < metrics["all.personal_frequency.ndcg_at_10"]
    assert metrics["all.blend.ndcg_at_10"] < metrics["all.personal_frequency.ndcg_at_10"] - 0.1
    assert tried.measured.modes[ALL] != FREQUENT
    assert tried.blend.modes[ALL] == FREQUENT
    plain = tried.plain([ALL])
    assert plain.blend.modes == {**tried.blend.modes, ALL: FREQUENT}
    assert plain.losses(ALL, BLENDED).tolist() == tried.losses(ALL, PERSONAL_FREQUENCY).tolist()
    assert plain.losses(NEW, BLENDED).tolist() == tried.losses(NEW, BLENDED).tolist()


def test_a_blend_that_loses_where_it_was_not_chosen_is_dropped():
    popular = sheet([[0.1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0]], [False, True, False])
    assert choose_or_drop([popular, popular], ALL) == choose_weights([popular], ALL)
    spoiled = sheet([[0.1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0]], [True, False, False])
    assert choose_or_drop([popular, spoiled], ALL) == FREQUENT
    assert choose_or_drop([popular, popular, spoiled], ALL) == FREQUENT


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return Registry(open_home(tmp_path_factory.mktemp("home") / "shop"))


def test_the_recipe_registers_promotes_and_explains(shop, end, registry):
    tables = tables_from_frames({"orders": shop.assign(line_kind="sale", unit_price=1.0)})
    first = train_affinity(tables, registry, end - timedelta(days=60), data_hash="abc")
    assert (first.kind, first.promoted) == ("affinity", True)
    assert "personal frequency" in first.why
    later = train_affinity(tables, registry, end, data_hash="abd")
    assert "present champion" in later.why
    kept = registry.version("affinity", later.version)
    assert kept.tags["data_hash"] == "abd"
    assert kept.metrics["all.blend.ndcg_at_10"] == pytest.approx(later.metrics["all.blend.ndcg_at_10"])
    assert float(kept.parameters["weight.all.personal_frequency"]) == 1.0
    model = AffinityModel.load(registry.fetch("affinity", later.version))
    assert (model.as_of, model.data_hash) == (end, "abd")
    assert model.metrics == later.metrics


def test_where_the_blend_is_refused_personal_frequency_serves(purchases, tmp_path):
    tables = tables_from_frames({"orders": fads(purchases).assign(line_kind="sale", unit_price=1.0)})
    empty, end = Registry(open_home(tmp_path / "home")), START + timedelta(days=100)
    made = train_affinity(tables, empty, end, horizon_days=10)
    assert made.promoted
    assert made.why.startswith("Promoted with personal frequency")
    assert "Not promoted: it is worse than personal frequency" in made.why
    model = AffinityModel.load(empty.fetch("affinity"))
    assert model.blend.modes[ALL] == FREQUENT
    assert made.metrics["all.blend.ndcg_at_10"] == made.metrics["all.personal_frequency.ndcg_at_10"]
    again = train_affinity(tables, empty, end, horizon_days=10)
    assert not again.promoted, "with a champion that serves, a refused blend stays out"
    assert again.why.startswith("Not promoted: it is worse than personal frequency")


def test_a_champion_that_saw_the_window_is_compared_by_its_record(shop, end, registry):
    tables = tables_from_frames({"orders": shop.assign(line_kind="sale", unit_price=1.0)})
    registry.promote("affinity", train_affinity(tables, registry, end).version)
    again = train_affinity(tables, registry, end)
    assert again.promoted
    assert "recorded" in again.why


def test_orders_without_products_are_refused_with_a_remedy(purchases, registry):
    bare = purchases([("a", "x", 0)]).assign(product_id=None, line_kind="sale")
    with pytest.raises(InputError, match="churn and value work without products"):
        train_affinity(tables_from_frames({"orders": bare}), registry, datetime(2026, 1, 1))
