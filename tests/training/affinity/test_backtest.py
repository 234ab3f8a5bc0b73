"""The backtest: half-open windows, no look ahead, and ways that must prove themselves against personal frequency."""

from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from features.instants import microseconds
from features.interaction_tables import Interactions
from training.affinity.backtest import (
    LEAST_CUSTOMERS,
    LONGEST_HORIZON_DAYS,
    Tried,
    cut_offs,
    default_horizon_days,
    run_backtest,
    worth_keeping,
)
from training.affinity.contest import Round, winner
from training.affinity.exams import exam_at
from training.affinity.history import Rows, encode
from training.affinity.model import AffinityModel
from training.affinity.orders import BLEND, PLAIN, RANKER, Order, Orders, best_blend
from training.affinity.pair_features import names
from training.affinity.recall import SOURCES, fit_recall
from training.affinity.sheets import ALL, NEW, Sheet, sheet
from training.affinity.sources.source import HalfLives
from training.evaluation.gate import difference
from training.evaluation.ranking import hits_of, ndcg_at

START = datetime(2025, 1, 1)


def history_of(purchases):
    return encode(Interactions(purchases))


@pytest.fixture(scope="module")
def history(shop):
    return history_of(shop)


@pytest.fixture(scope="module")
def lately(rich):
    """The last two months of the shop: four cuts."""
    since = START + timedelta(days=145)
    return replace(
        rich, purchases=rich.purchases[rich.purchases.ordered_at >= since], interest=rich.interest[rich.interest.occurred_at >= since]
    )


@pytest.fixture(scope="module")
def tried(lately, end):
    return run_backtest(encode(lately), end, threads=1)


def told(tried):
    """All that a backtest says, in a form that can be compared."""
    return tried.half_lives, tried.sources, tried.cuts, tried.orders.ways, tried.metrics(), dict(tried.gains)


# Exams and cuts


def test_an_exam_asks_for_the_half_open_window(purchases):
    rows = [("a", "x", 0), ("b", "x", 0), ("a", "y", 4), ("a", "y", 5), ("a", "z", 9), ("new", "x", 6), ("b", "w", 10)]
    history = history_of(purchases(rows))
    exam = exam_at(history, START + timedelta(days=5, hours=9), 5)
    wanted = exam.wanted(history)
    assert list(zip(wanted.customer_id, wanted.product_id, strict=True)) == [("a", "y"), ("a", "z")]  # the cut counts, its end does not
    assert exam.wanted_counts.tolist() == [2]  # and strangers are not asked
    never = exam.never_bought(history.before(exam.cut))
    assert history.product_ids[never.product].tolist() == ["z"]
    known = history.product_ids != "y"
    assert history.product_ids[exam.within_range(known).product].tolist() == ["z"]


def test_halves_are_disjoint_and_together_all(history, end):
    exam = exam_at(history, end - timedelta(days=30), 30)
    (teaching,), judging = exam.halves()
    assert not set(teaching.customers) & set(judging.customers)
    assert sorted([*teaching.customers, *judging.customers]) == exam.customers.tolist()
    assert abs(len(teaching.customers) - len(judging.customers)) <= 1
    pairs = {(int(e.customers[r]), int(p)) for e in (teaching, judging) for r, p in zip(e.row, e.product, strict=True)}
    assert pairs == {(int(exam.customers[r]), int(p)) for r, p in zip(exam.row, exam.product, strict=True)}
    few = exam.sample(7, np.random.default_rng(0))
    assert len(few.customers) == 7
    assert set(few.customers) < set(exam.customers)


def test_cuts_leave_a_horizon_before_and_after(history, end):
    horizon = default_horizon_days(history)
    assert 8 <= horizon <= 12
    cuts = cut_offs(history, end, horizon, 3)
    assert cuts == [end - timedelta(days=horizon * i) for i in (3, 2, 1)]
    assert cut_offs(history, end, 90, 3) == [end - timedelta(days=90)]
    assert cut_offs(history, end, 150, 3) == []


def test_the_horizon_is_doubled_until_enough_customers_come(purchases):
    """Three who come daily set the rhythm; of forty who come every forty days, h come in h days: 27 of them take 32."""
    rows = [(f"c{c}", "x", d) for c in range(40) for d in range(c, 120, 40)] + [(f"d{c}", "y", d) for c in range(3) for d in range(120)]
    history, end = history_of(purchases(rows)), START + timedelta(days=120)
    assert default_horizon_days(history) == 1
    assert run_backtest(history, end, threads=1).horizon_days == 32
    assert run_backtest(history, end, horizon_days=150, threads=1).horizon_days == 150


def test_the_horizon_is_never_longer_than_ninety_days(purchases):
    rows = [(f"c{c}", "x", d) for c in range(5) for d in range(0, 900, 50)]
    assert default_horizon_days(history_of(purchases(rows))) == 50
    assert run_backtest(history_of(purchases(rows)), START + timedelta(days=900)).horizon_days <= LONGEST_HORIZON_DAYS


@pytest.mark.parametrize("customers", [1, LEAST_CUSTOMERS - 1])
def test_few_customers_get_the_plain_way_unmeasured(purchases, customers):
    rows = [(f"c{c}", f"p{(c + d) % 4}", d) for c in range(customers) for d in range(0, 100, 10)]
    tried = run_backtest(history_of(purchases(rows)), START + timedelta(days=100), horizon_days=10, threads=1)
    assert tried.orders.ways == {ALL: PLAIN, NEW: BLEND}
    assert {"product_similarity", "bought_together"} < set(tried.sources)
    assert (tried.metrics(), tried.cuts, tried.newest) == ({}, (), None)
    assert len(tried.losses(ALL)) == 0
    rows += [("last", "p0", 5), ("last", "p1", 95)] * (customers == LEAST_CUSTOMERS - 1)
    assert bool(run_backtest(history_of(purchases(rows)), START + timedelta(days=100), horizon_days=10, threads=1).metrics()) == (
        customers > 1
    )


# No look ahead


def test_the_future_changes_nothing(lately):
    as_of = START + timedelta(days=185)
    before = lately.before(as_of)
    blind, seeing = (run_backtest(encode(known), as_of, threads=1) for known in (replace(before, products=lately.products), lately))
    assert told(blind) == told(seeing)
    assert blind.metrics()


def shuffled_after(bought, instant, seed):
    """The same rows, of which those at or after an instant are of other products, and every third of them is gone."""
    late = np.flatnonzero(bought.at >= microseconds(instant))
    product = bought.product.copy()
    product[late] = np.random.default_rng(seed).permutation(product[late])
    kept = np.ones(len(product), bool)
    kept[late[::3]] = False
    return Rows(bought.customer[kept], product[kept], bought.at[kept], bought.kind[kept])


@pytest.mark.parametrize("mode", [ALL, NEW])
def test_what_is_bought_after_a_cut_changes_the_answers_and_not_the_questions(rich, end, mode):
    history, cut, horizon = encode(rich), end - timedelta(days=40), 20
    exam = exam_at(history, cut, horizon)
    other = replace(history, bought=shuffled_after(history.bought, cut, 1), seen=history.seen.between(0, microseconds(cut)))
    sheets = []
    for one in (history, other):
        recall = fit_recall(one.before(cut), cut, HalfLives(160.0, 20.0), unsold=False)
        assert len(recall.sources) >= 12
        asked = replace(exam_at(one, cut, horizon), customers=exam.customers, row=exam.row, product=exam.product)
        sheets.append(sheet(one, asked, recall, mode))
    assert sheets[0].features.tobytes() == sheets[1].features.tobytes()
    assert sheets[0].sizes.tolist() == sheets[1].sizes.tolist()
    assert sheets[0].hit.any()


def test_what_is_measured_was_chosen_without_the_newest_window(lately, end, tried):
    """Whatever is bought after the newest cut, the same ways meet there; only what serves later learns from it."""
    history = encode(lately)
    other = replace(history, bought=shuffled_after(history.bought, tried.cuts[-1], 2))
    again = run_backtest(other, end, horizon_days=tried.horizon_days, threads=1)
    assert (again.cuts, again.half_lives, again.sources, dict(again.gains)) == (
        tried.cuts,
        tried.half_lives,
        tried.sources,
        dict(tried.gains),
    )
    for mode, ways in tried.rivals.items():
        sheet = tried.sheets[mode]
        assert {way: order.of(sheet).tobytes() for way, order in again.rivals[mode].items()} == {
            way: order.of(sheet).tobytes() for way, order in ways.items()
        }
    assert again.metrics() != tried.metrics()


def test_labels_end_with_the_horizon(history, end):
    cut = end - timedelta(days=40)
    exam = exam_at(history, cut, 10)
    recall = fit_recall(history.before(cut), cut, HalfLives(160.0, 20.0), names=("personal_frequency", "popularity"), unsold=False)
    found = sheet(history, exam, recall, ALL)
    bought = {
        (c, p)
        for c, p, at in zip(history.bought.customer, history.bought.product, history.bought.at, strict=True)
        if microseconds(cut) <= at < microseconds(cut + timedelta(days=10))
    }
    codes = {product_id: code for code, product_id in enumerate(history.product_ids.tolist())}
    of_range = [codes[p] for p in recall.range.product_ids.tolist()]
    pairs = [(exam.customers[r], of_range[c]) for r, c in zip(found.row, found.column, strict=True)]
    assert found.hit.tolist() == [pair in bought for pair in pairs]


# Truth by construction


def repeats_only(purchases):
    """Eighty customers, each of six own products of 480, of which three come each ten days: whoever knows the customer knows it all."""
    rng = np.random.default_rng(3)
    rows = [(f"c{c:02}", f"p{6 * c + k:03}", d) for c in range(80) for d in range(0, 60, 10) for k in rng.choice(6, 3, replace=False)]
    return purchases(rows)


def test_where_all_buy_only_their_own_again_nothing_beats_personal_frequency_by_losing_to_it(purchases):
    tried = run_backtest(history_of(repeats_only(purchases)), START + timedelta(days=60), horizon_days=10, threads=1)
    metrics, way = tried.metrics(), tried.orders.ways[ALL]
    assert metrics[f"all.{PLAIN}.recall_at_10"] == 1.0
    assert metrics[f"all.{way}.ndcg_at_10"] >= metrics[f"all.{PLAIN}.ndcg_at_10"]
    assert NEW not in tried.hits, "nobody wants anything new"
    assert tried.orders.ways[NEW] == PLAIN


def meeting(customers, **first_hits):
    """A round in which each way has its wanted product first for so many of the customers, and nowhere for the others."""
    hits = {way: np.zeros((customers, 10), bool) for way in first_hits}
    for way, number in first_hits.items():
        hits[way][:number, 0] = True
    held = SimpleNamespace(wanted=np.ones(customers, np.int64))
    return Round(held, {way: Order(way) for way in first_hits}, hits)


def test_few_customers_at_the_newest_cut_do_not_decide_alone():
    newest, before = meeting(40, personal_frequency=20, blend=22, ranker=21), meeting(400, personal_frequency=200, blend=180, ranker=260)
    assert winner([newest]) == BLEND
    assert winner([newest, before]) == RANKER


def test_what_is_worse_at_the_newest_cut_does_not_win():
    before = meeting(400, personal_frequency=200, blend=150, ranker=390)
    assert winner([meeting(40, personal_frequency=30, blend=28, ranker=29), before]) == PLAIN


def test_of_equals_the_first_named_wins():
    assert winner([meeting(40, personal_frequency=9, blend=9, ranker=9)]) == PLAIN


def test_no_mode_is_clearly_worse_than_the_baseline_where_it_was_judged(tried):
    metrics = tried.metrics()
    for mode, way in tried.orders.ways.items():
        assert not difference(tried.losses(mode), tried.losses(mode, PLAIN)).worse
        assert tried.losses(mode).mean() == pytest.approx(1.0 - metrics[f"{mode}.{way}.ndcg_at_10"])
        assert metrics[f"{mode}.{way}.customers"] == len(tried.losses(mode))


def tastes(purchases):
    """Four tastes of thirty products; everybody buys four products of their taste that they never had, each ten days."""
    rng = np.random.default_rng(5)
    rows = []
    for c in range(120):
        order = 30 * (c % 4) + rng.permutation(30)
        rows += [(f"c{c:03}", f"p{p:03}", 10 * (i // 4)) for i, p in enumerate(order[:28])]
    return purchases(rows)


def test_tastes_are_found_among_new_products(purchases):
    tried = run_backtest(history_of(tastes(purchases)), START + timedelta(days=70), horizon_days=10, threads=1)
    metrics = tried.metrics()
    assert tried.orders.ways[NEW] in {BLEND, RANKER}
    assert metrics[f"new.{tried.orders.ways[NEW]}.ndcg_at_10"] > 2 * metrics[f"new.{PLAIN}.ndcg_at_10"]
    assert metrics[f"new.{tried.orders.ways[NEW]}.recall_at_10"] > 0.9, "six products of their taste are left, four will be bought"


def test_one_cut_is_split_between_choosing_and_measuring(shop, end):
    tried = run_backtest(history_of(shop), end, horizon_days=90, threads=1)
    assert tried.cuts == (end - timedelta(days=90),)
    assert tried.metrics()[f"all.{PLAIN}.customers"] == 60


def test_half_lives_are_tried_around_the_rhythm_before_the_first_cut(purchases):
    """Customers who came every ten days come daily in the last month, of which the gap says nothing yet."""
    days = [*range(0, 60, 10), *range(60, 90)]
    rows = [(f"c{i}", f"p{(i + d) % 7}", d) for i in range(40) for d in days]
    tried = run_backtest(history_of(purchases(rows)), START + timedelta(days=90), horizon_days=10, threads=1)
    assert default_horizon_days(history_of(purchases(rows))) == 1
    assert tried.cuts[0] <= START + timedelta(days=60)
    assert tried.half_lives.personal_days in {40.0, 160.0, float("inf")}


def test_what_is_measured_is_what_a_model_recommends(lately, tried):
    history, exam = encode(lately), tried.asked[ALL]
    for way, order in tried.rivals[ALL].items():
        model = AffinityModel(Orders({ALL: order, NEW: Order()}), tried.half_lives, tried.sources).fit(lately, as_of=exam.cut)
        lists = model.recommend(lately, 10, customer_ids=history.customer_ids[exam.customers].tolist())
        hits, counts, _ = hits_of(lists, exam.wanted(history), 10)
        assert counts.tolist() == exam.wanted_counts.tolist()
        assert ndcg_at(hits, counts, 10).mean() == pytest.approx(tried.metrics()[f"all.{way}.ndcg_at_10"], abs=0.01)
        if way == PLAIN:
            assert hits.tolist() == tried.hits[ALL][PLAIN].tolist()


# Choosing, on sheets by hand


def a_sheet(scores, hit, *, plain, sources=("personal_frequency", "popularity"), ranks=None):
    """Customers of equally many candidates: `scores` (customers, candidates, sources), `hit` (customers, candidates), `plain` the first is hit."""
    scores, hit = np.array(scores, np.float32), np.array(hit, bool)
    customers, number = hit.shape
    said = scores.reshape(-1, len(sources))
    worth = (said > 0).astype(np.float32) / 5 if ranks is None else np.array(ranks, np.float32).reshape(-1, len(sources))
    rest = np.full((len(said), len(names(sources)) - 2 * len(sources) - 1), np.nan, np.float32)
    features = np.concatenate([said, worth, worth.sum(axis=1, keepdims=True), rest], axis=1)
    hits = np.zeros((customers, 10), bool)
    hits[:, 0] = plain
    row, column = np.repeat(np.arange(customers), number), np.tile(np.arange(number), customers)
    sizes = np.full(customers, number)
    return Sheet(tuple(sources), row, column, worth, features, hit.ravel(), sizes, np.maximum(hit.sum(axis=1), 1), hits)


def of_sheets(past, held, ranker=None):
    return Tried(ALL, past, held, None, ranker, 20)


def planted(customers, *, knows, plain, seed):
    """Two of thirty candidates are wanted; popularity knows which (`knows`) or draws lots; whether `plain` has one first."""
    rng = np.random.default_rng(seed)
    hit = np.zeros((customers, 30), bool)
    for row in hit:
        row[rng.choice(30, 2, replace=False)] = True
    said = np.stack([np.zeros((customers, 30)), hit + 0.1 if knows else rng.random((customers, 30))], axis=2)
    return a_sheet(said, hit, plain=plain, ranks=said * 0.2)


@pytest.mark.parametrize(("knows", "plain", "ways"), [(False, True, {PLAIN}), (True, False, {BLEND, RANKER})])
def test_a_useless_way_is_not_chosen_and_a_knowing_one_is(knows, plain, ways):
    past = tuple(planted(80, knows=knows, plain=plain, seed=seed) for seed in range(2))
    held = planted(80, knows=knows, plain=plain, seed=9)
    judged = of_sheets(past, held).judged(("personal_frequency", "popularity"), seed=0, threads=1)
    means = {way: ndcg_at(hits, held.wanted, 10).mean() for way, hits in judged.hits.items()}
    assert set(means) == {PLAIN, BLEND, RANKER}
    assert judged.order.way in ways
    assert means[judged.order.way] == max(means.values())
    if knows:
        assert max(means.values()) == 1.0


def test_the_plainer_of_equals_wins():
    held = a_sheet([[[1.0, 0.1], [0.0, 0.0]]] * 4, [[True, False]] * 4, plain=True)
    assert of_sheets((held,), held).judged(("personal_frequency", "popularity"), seed=0, threads=1).order.way == PLAIN


def test_the_weight_of_a_blend_is_the_one_that_does_best():
    fused_knows = a_sheet([[[0.4, 0.0], [0.0, 0.1]]] * 3, [[False, True]] * 3, plain=False, ranks=[[[0.0, 0.0], [0.0, 0.2]]] * 3)
    assert best_blend([fused_knows], ALL).weight == 3.0
    frequency_knows = a_sheet([[[0.4, 0.0], [0.0, 0.1]]] * 3, [[True, False]] * 3, plain=False, ranks=[[[0.0, 0.0], [0.0, 0.2]]] * 3)
    assert best_blend([frequency_knows], ALL).weight == 0.01
    assert best_blend([fused_knows], NEW) == Order(BLEND, 1.0)
    assert fused_knows.ndcg(best_blend([fused_knows], ALL).of(fused_knows)).tolist() == [1.0] * 3


class Gains:
    """A ranker that gained so much from each source."""

    def __init__(self, **gains):
        self._gains = gains

    def gains(self):
        return {f"score_{source}": gain / 2 for source, gain in self._gains.items()} | {f"rank_{s}": g / 2 for s, g in self._gains.items()}


def test_sources_are_kept_that_teach_or_that_alone_find():
    sources = ("personal_frequency", "popularity", "popular_next", "favourites", "bought_next")
    ranks = np.zeros((1, 100, 5))
    ranks[0, :, 0] = 0.2
    ranks[0, 0] = [0, 0, 0, 0.2, 0]  # one of a hundred, that favourites alone found
    ranks[0, 1] = [0, 0, 0.2, 0, 0.2]
    one = a_sheet(np.zeros((1, 100, 5)), np.ones((1, 100), bool), plain=False, sources=sources, ranks=ranks)
    kept = worth_keeping({ALL: of_sheets((one,), one, Gains(popular_next=0.009, bought_next=0.011))})
    assert kept == ("personal_frequency", "popularity", "bought_next", "favourites")
    nothing = replace(one, hit=np.zeros(100, bool))
    assert worth_keeping({ALL: of_sheets((nothing,), nothing)}) == ("personal_frequency", "popularity")


def test_a_source_that_one_mode_never_saw_is_not_kept():
    """A ranker that learned without it could not be asked with it."""
    sources = ("personal_frequency", "popularity", "favourites")
    one = a_sheet(np.zeros((1, 2, 3)), np.ones((1, 2), bool), plain=False, sources=sources, ranks=[[[0, 0, 0.2], [0, 0, 0.1]]])
    other = one.with_sources(sources[:2])
    tried = {ALL: of_sheets((one,), one), NEW: of_sheets((other,), other)}
    assert worth_keeping({ALL: tried[ALL]}) == sources
    assert worth_keeping(tried) == sources[:2]


def test_a_source_that_knows_is_kept(purchases, listed):
    """Everybody buys what they looked at two days before, and nothing tells it but that."""
    rng = np.random.default_rng(2)
    rows = [(f"c{c:02}", f"p{p:03}", d) for c in range(60) for d in range(55, 100, 10) for p in rng.choice(300, 2, replace=False)]
    bought = purchases(rows)
    seen = bought.assign(event_type="product_view", occurred_at=bought.ordered_at - pd.Timedelta(days=8))
    known = Interactions(bought, seen[["customer_id", "product_id", "event_type", "occurred_at"]], listed([]))
    tried = run_backtest(encode(known), START + timedelta(days=100), horizon_days=5, threads=1)
    assert "looked_at" in tried.sources
    assert set(tried.sources) < set(SOURCES)
    assert tried.metrics()[f"new.{tried.orders.ways[NEW]}.recall_at_10"] > 0.9


def test_dropping_sources_drops_their_columns_and_their_worth():
    sources = ("personal_frequency", "popularity", "favourites")
    one = a_sheet(
        [[[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]], [[True, False]], plain=False, sources=sources, ranks=[[[0.1, 0.2, 0.3], [0, 0.5, 0]]]
    )
    kept = one.with_sources(["favourites", "personal_frequency"])
    assert kept.sources == ("personal_frequency", "favourites")
    assert kept.names == names(kept.sources)
    assert kept.features.shape[1] == len(kept.names)
    assert kept.feature("score:favourites") == pytest.approx([0.3, 0.6])
    assert kept.feature("fused") == pytest.approx([0.4, 0.0])
    assert one.feature("fused") == pytest.approx([0.6, 0.5]), "the sheet itself stays"
