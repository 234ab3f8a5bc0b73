"""The model: one customer as in bulk, saved and loaded, blind to the future, and sensible for strangers and the smallest shops."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from features.errors import InputError
from features.instants import DAY_US, microseconds
from features.interaction_tables import Interactions
from training.affinity.backtest import run_backtest
from training.affinity.history import encode, median_gap_days
from training.affinity.model import AffinityModel
from training.affinity.orders import BLEND, PLAIN, RANKER, Order, Orders
from training.affinity.questions import of_tables
from training.affinity.recall import SOURCES
from training.affinity.score import affinity_scores
from training.affinity.sheets import ALL, NEW, plain_scores
from training.affinity.signals import Signals

START = datetime(2025, 1, 1)
BLENDED = Orders({ALL: Order(BLEND, 0.3), NEW: Order(BLEND, 1.0)})
LATER = START + timedelta(days=203, hours=7)


@pytest.fixture(scope="module")
def ranked(rich, end):
    """With rankers in both modes, learned from two cuts, over every source."""
    since = START + timedelta(days=165)
    known = replace(rich, purchases=rich.purchases[rich.purchases.ordered_at >= since])
    tried = run_backtest(encode(known), end, threads=1)
    rankers = {mode: ways[RANKER] for mode, ways in tried.rivals.items()}
    return AffinityModel(Orders(rankers), tried.half_lives, tried.sources, threads=1).fit(rich, as_of=end)


@pytest.fixture(scope="module")
def blended(rich, end):
    return AffinityModel(BLENDED, sources=tuple(SOURCES), threads=1).fit(rich, as_of=end)


@pytest.fixture(scope="module", params=["ranked", "blended", "plain"])
def model(request, rich, end):
    if request.param == "plain":
        return AffinityModel().fit(rich, as_of=end)
    return request.getfixturevalue(request.param)


def own(known, customer_id):
    """One customer's rows as serving holds them, in no order of time."""
    bought = known.purchases[known.purchases.customer_id == customer_id].iloc[::-1]
    seen = known.interest[known.interest.customer_id == customer_id].iloc[::-1]
    place = known.places[known.places.customer_id == customer_id].place.tolist()
    return Signals(
        list(zip(bought.product_id, bought.ordered_at.astype("int64").tolist(), bought.quantity, strict=True)),
        list(zip(seen.product_id, seen.occurred_at.astype("int64").tolist(), seen.event_type, strict=True)),
        place[0] if place else "",
    )


def rows_of(found):
    return [(r.product_id, r.score, r.source) for r in found]


def ids(found):
    return [r.product_id for r in found]


# One customer and many


@pytest.mark.parametrize("exclude_purchased", [False, True])
def test_a_longer_list_begins_as_the_shorter_one(model, rich, exclude_purchased):
    for customer_id in [f"c{c:03}" for c in range(0, 120, 17)]:
        lists = [
            ids(model.recommend_one(own(rich, customer_id), LATER, n, exclude_purchased=exclude_purchased)) for n in (10, 61, 100, 300)
        ]
        assert all(longer[: len(shorter)] == shorter for shorter, longer in pairwise(lists))


@pytest.mark.parametrize("n", [1, 10, 66, 300])
@pytest.mark.parametrize("exclude_purchased", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_one_customer_gets_exactly_what_they_get_in_bulk(model, rich, n, exclude_purchased, masked):
    offered = model.offered(model.product_ids[np.random.default_rng(3).random(len(model.product_ids)) < 0.6]) if masked else None
    asked = [f"c{c:03}" for c in range(0, 120, 9)] + ["stranger"]
    bulk = model.recommend(rich, n, as_of=LATER, customer_ids=asked, exclude_purchased=exclude_purchased, offered=offered)
    assert sorted(set(bulk.customer_id)) == sorted(asked)
    for customer_id, rows in bulk.groupby("customer_id"):
        one = model.recommend_one(own(rich, customer_id), LATER, n, exclude_purchased=exclude_purchased, offered=offered)
        assert rows_of(one) == list(zip(rows.product_id, rows.score, rows.source, strict=True))
        may = set(model.product_ids if offered is None else model.product_ids[offered])
        may -= {p for p, *_ in own(rich, customer_id).purchases} if exclude_purchased else set()
        assert len(one) == min(n, len(may)), "a list is shorter only where the range is exhausted"
        assert set(ids(one)) <= may


def test_who_else_is_asked_changes_nothing(model, rich):
    everybody = model.recommend(rich, 5)
    some = model.recommend(rich, 5, customer_ids=["c007", "c100", "c033"])
    pd.testing.assert_frame_equal(everybody[everybody.customer_id.isin(["c007", "c033", "c100"])].reset_index(drop=True), some)


def test_everybody_gets_full_lists_without_repeats_best_first(model, rich):
    lists = affinity_scores(model, rich, 20)
    assert list(lists.columns) == ["customer_id", "product_id", "rank", "score", "source", "model_version"]
    assert lists.groupby("customer_id").size().unique().tolist() == [20]
    assert lists.customer_id.nunique() == 120
    assert lists["rank"].tolist() == list(range(1, 21)) * 120
    assert not lists.duplicated(["customer_id", "product_id"]).any()
    assert (lists.groupby("customer_id").score.diff().dropna() <= 0.0).all()
    assert lists.score.between(0.0, 1.0).all()


def test_purchased_products_can_be_left_out(model, rich):
    lists = model.recommend(rich, 20, exclude_purchased=True)
    assert lists.merge(rich.purchases, on=["customer_id", "product_id"]).empty
    assert not (lists.source == "personal_frequency").any()


def test_only_what_is_offered_is_shown(model, rich, end):
    allowed = {"p00", "p21", "p42", "p64", "unheard of"}
    offered = model.offered(allowed)
    assert int(offered.sum()) == 4
    assert set(model.recommend(rich, 10, offered=offered).product_id) == allowed - {"unheard of"}
    assert set(ids(model.popular(10, offered=offered))) == allowed - {"unheard of"}
    assert set(ids(model.similar("p01", 10, offered=offered))) <= allowed
    assert set(ids(model.together("p01", 10, offered=offered))) <= allowed
    assert model.recommend_one(own(rich, "c006"), end, 10, offered=model.offered(())) == []


def test_the_plain_way_is_personal_frequency_and_popularity_however_many_sources_there_are(purchases, listed):
    """A customer's frequent products are never crowded out by what the other sources say."""
    rng = np.random.default_rng(1)
    rows = [
        (f"c{c:02}", f"p{p:03}", int(d))
        for c in range(60)
        for d in rng.choice(100, 12, replace=False)
        for p in rng.choice(400, 9, replace=False)
    ]
    described = [
        {"product_id": f"p{p:03}", "category": f"K{p % 9}", "brand": f"B{p % 7}", "product_line": f"l{p // 3}"} for p in range(400)
    ]
    known = Interactions(purchases(rows).drop_duplicates(["order_id", "product_id"]), products=listed(described))
    end = START + timedelta(days=100)
    model = AffinityModel(Orders(), sources=tuple(SOURCES), threads=1).fit(known, as_of=end)
    assert len(model.recall.sources) >= 10
    customers = np.unique(np.asarray(known.purchases.customer_id, dtype=str))
    asked = of_tables(known, customers, microseconds(end) // DAY_US, model.recall.range)
    plain = plain_scores([s.scores(asked) for s in model.recall.sources], [s.name for s in model.recall.sources])
    lists = model.recommend(known, 30)
    for row, (_, rows_of_one) in enumerate(lists.groupby("customer_id")):
        best = np.lexsort((np.arange(plain.shape[1]), -plain[row]))[:30]
        assert rows_of_one.product_id.tolist() == model.product_ids[best].tolist()


# Truth by construction, and reasons


def test_somebody_who_buys_the_same_every_week_is_offered_that_first(purchases):
    weekly = [("steady", "milk", day) for day in range(0, 70, 7)]
    others = [(f"c{i}", product, day) for i in range(20) for product in ("bread", "wine") for day in (3, 60)]
    known = Interactions(purchases([*weekly, ("steady", "wine", 0), *others]))
    at = START + timedelta(days=71)
    first = AffinityModel().fit(known, as_of=at).recommend_one(own(known, "steady"), at, 1)[0]
    assert (first.product_id, first.source) == ("milk", "personal_frequency")
    assert first.because == "bought 10 times, usually every 7 days, last on 2025-03-05"
    assert first.because_of == "milk"


def test_a_new_product_is_explained_by_an_own_one(blended, rich, end):
    mine = {p for p, *_ in own(rich, "c001").purchases}
    found = blended.recommend_one(own(rich, "c001"), end, 40, exclude_purchased=True)
    explained = [r for r in found if r.because_of is not None]
    assert explained
    assert all(r.because_of in mine and r.because.startswith(f"often bought together with {r.because_of}, bought on ") for r in explained)
    assert all(r.because for r in found)


@pytest.mark.parametrize("name", ["ranked", "blended"])
def test_tastes_are_found_among_new_products(name, request, rich):
    lists = request.getfixturevalue(name).recommend(rich, 3, exclude_purchased=True)
    lists = lists[lists.product_id < "p60"]
    assert (lists.product_id.str[1:].astype(int) // 20 == lists.customer_id.str[1:].astype(int) % 3).mean() > 0.95


# Time


def test_what_comes_after_as_of_changes_nothing(rich):
    cut = START + timedelta(days=120)
    seen, told = (AffinityModel(BLENDED, sources=tuple(SOURCES), threads=1).fit(known, as_of=cut) for known in (rich.before(cut), rich))
    pd.testing.assert_frame_equal(seen.recommend(rich.before(cut), 70), told.recommend(rich, 70))
    assert told.recommend_one(own(rich, "c002"), cut, 10) == seen.recommend_one(own(rich.before(cut), "c002"), cut, 10)
    assert not {"p60", "p61", "p62"} & set(told.product_ids), "on sale later"
    assert {"p63", "p64", "p65", "p66"} <= set(told.product_ids)


def test_purchases_since_the_training_count(model, end):
    bought = Signals([("p59", microseconds(end + timedelta(days=1)), 1.0)])
    assert model.recommend_one(bought, end, 10) == model.recommend_one(Signals(), end, 10)
    assert "p59" in ids(model.recommend_one(bought, end + timedelta(days=2), 10))
    assert "p59" not in ids(model.recommend_one(bought, end + timedelta(days=2), 100, exclude_purchased=True))


def test_the_order_of_rows_changes_nothing(blended, rich, end):
    shuffled = Interactions(
        *(table.sample(frac=1.0, random_state=1) for table in (rich.purchases, rich.interest, rich.products, rich.places))
    )
    again = AffinityModel(BLENDED, sources=tuple(SOURCES), threads=1).fit(shuffled, as_of=end)
    pd.testing.assert_frame_equal(blended.recommend(rich, 10), again.recommend(shuffled, 10))


# Saved and loaded


def test_saved_and_loaded_it_answers_the_same(model, rich, end, tmp_path):
    model.save(tmp_path)
    loaded = AffinityModel.load(tmp_path)
    for exclude_purchased in (False, True):
        lists = [one.recommend(rich, 67, exclude_purchased=exclude_purchased) for one in (model, loaded)]
        pd.testing.assert_frame_equal(*lists, check_exact=True)
    assert loaded.recommend_one(own(rich, "c004"), end, 10) == model.recommend_one(own(rich, "c004"), end, 10)
    assert loaded.popular(5) == model.popular(5)
    assert loaded.similar("p01", 40) == model.similar("p01", 40)
    assert loaded.together("p01", 40) == model.together("p01", 40)
    assert loaded.likeness(["p01", "p02", "p21"]).tolist() == model.likeness(["p01", "p02", "p21"]).tolist()
    assert (loaded.as_of, loaded.parameters(), loaded.orders.ways) == (model.as_of, model.parameters(), model.orders.ways)
    assert {p.suffix for p in tmp_path.iterdir()} <= {".json", ".npz", ".txt"}


def test_no_trace_of_a_customer_is_saved(model, rich, end, tmp_path):
    named = Interactions(*(renamed(table) for table in (rich.purchases, rich.interest)), rich.products, renamed(rich.places))
    AffinityModel(model.orders, model.half_lives, model.sources, threads=1).fit(named, as_of=end).save(tmp_path)
    files = list(tmp_path.rglob("*"))
    assert files
    for file in files:
        told = file.read_bytes()
        assert not any("shopper".encode(code) in told for code in ("utf-8", "utf-16-le", "utf-32-le"))
        if file.suffix == ".npz":
            with np.load(file, allow_pickle=False) as arrays:
                assert all(120 not in values.shape for values in arrays.values())


def renamed(table):
    return table.assign(customer_id=("shopper " + table.customer_id).astype("str"))


# Strangers, and small shops


def test_strangers_get_what_is_popular(rich, end):
    model = AffinityModel().fit(rich, as_of=end)
    popular = ids(model.popular(10))
    assert ids(model.recommend_one(Signals(), end, 10)) == popular
    assert ids(model.recommend_one(Signals([("never heard of", 0, 1.0)]), end, 10)) == popular
    asked = model.recommend(rich, 10, customer_ids=["stranger", "c005"])
    assert asked[asked.customer_id == "stranger"].product_id.tolist() == popular
    assert asked.customer_id.unique().tolist() == ["c005", "stranger"]
    assert model.recommend(Interactions(rich.purchases.head(0)), 10, customer_ids=["stranger"]).product_id.tolist() == popular


def test_nobody_asked_gives_no_rows(model, rich):
    for lists in (model.recommend(rich, 10, customer_ids=[]), model.recommend(Interactions(rich.purchases.head(0)), 10)):
        assert lists.empty
        assert list(lists.columns) == ["customer_id", "product_id", "rank", "score", "source"]
    assert model.recommend_one(Signals(), LATER, 0) == model.similar("p01", 0) == model.popular(0) == []


def test_visitors_are_known_by_what_they_look_at(blended, end):
    at = microseconds(end) - DAY_US
    found = blended.recommend_one(Signals(interest=[("p44", at, "product_view"), ("p44", at + 1, "add_to_cart")]), end, 5)
    assert "p44" in ids(found)
    assert next(r for r in found if r.product_id == "p44").because == "looked at, not bought yet"
    assert blended.recommend_one(Signals(interest=[("p44", at, "page_view")]), end, 5) == blended.recommend_one(Signals(), end, 5)


def test_returned_pieces_are_no_purchases(model, end):
    back = Signals([("p59", microseconds(end) - DAY_US, -1.0), ("p58", microseconds(end) - DAY_US, 0.0)])
    assert model.recommend_one(back, end, 67) == model.recommend_one(Signals(), end, 67)


def test_what_was_never_sold_can_be_recommended_last(rich, end):
    model = AffinityModel().fit(rich, as_of=end)
    found = ids(model.recommend_one(Signals(), end, 100))
    assert len(found) == 67
    assert set(found[-3:]) == {"p63", "p64", "p65"}
    assert {"p60", "p66"} < set(found)


@pytest.mark.parametrize(
    "rows",
    [
        [("a", "x", 0)],
        [("a", "x", 0), ("a", "x", 3), ("a", "x", 9)],
        [("a", "x", 0), ("b", "x", 3), ("c", "x", 9)],
        [("a", "x", 0), ("a", "y", 1), ("a", "z", 2)],
        [("a", "x", 0), ("b", "y", 1), ("c", "z", 2)],
        [(c, p, d) for d, (c, p) in enumerate(zip("aabbccdaab", "xyxzyzxxyz", strict=True))],
    ],
)
@pytest.mark.parametrize("orders", [Orders(), BLENDED])
def test_the_smallest_shops_get_lists(purchases, rows, orders):
    known = Interactions(purchases(rows))
    end, products = START + timedelta(days=10), {p for _, p, _ in rows}
    model = AffinityModel(orders, sources=tuple(SOURCES), threads=1).fit(known, as_of=end)
    for exclude in (False, True):
        lists = model.recommend(known, 5, exclude_purchased=exclude)
        for customer in {c for c, _, _ in rows}:
            had = {p for c, p, _ in rows if c == customer}
            found = lists[lists.customer_id == customer].product_id.tolist()
            assert set(found) == (products - had if exclude else products)
            assert len(found) == len(set(found))
    assert set(ids(model.recommend_one(Signals(), START, 5))) == products
    assert model.likeness(["x", "unheard of"]).tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_nothing_bought_before_as_of_is_an_input_error(rich):
    with pytest.raises(InputError, match=r"product_id.*Map the column"):
        AffinityModel().fit(rich, as_of=START - timedelta(days=1))


def test_the_median_gap_is_over_purchase_days(shop):
    assert 8 <= median_gap_days(encode(Interactions(shop)).bought) <= 12
    assert median_gap_days(encode(Interactions(shop.drop_duplicates("customer_id"))).bought) == 30


# Products beside a product


def test_similar_products_share_their_buyers_and_then_their_kind(model, rich):
    found = model.similar("p01", 60)
    assert "p01" not in ids(found)
    assert len(set(ids(found))) == len(found)
    assert all(int(p[1:]) // 20 == 0 for p in ids(found[:5]))
    assert all(r.because_of == "p01" for r in found)
    sources = [r.source for r in found]
    assert sources == sorted(sources, key=["product_similarity", "same_kind"].index)
    unsold = model.similar("p64", 5)
    described = rich.products.set_index("product_id")
    assert {r.source for r in unsold} == {"same_kind"}
    kind = described.loc["p64"]
    assert all(
        (described.loc[p, ["category", "brand", "product_line"]] == kind[["category", "brand", "product_line"]]).any() for p in ids(unsold)
    )
    assert [r.score for r in unsold] == sorted((r.score for r in unsold), reverse=True)
    assert model.similar("unheard of", 5) == []


def test_products_bought_together_lay_in_one_basket(model, rich):
    baskets = rich.purchases.groupby("order_id").product_id.agg(set)
    found = model.together("p03", 60)
    beside = set().union(*(basket for basket in baskets if "p03" in basket)) - {"p03"}
    assert set(ids(found)) <= beside
    assert len(found) == min(len(beside), 50)
    assert [r.score for r in found] == sorted((r.score for r in found), reverse=True)
    assert model.together("unheard of", 5) == model.together("p64", 5) == []


def test_likeness_is_symmetric_between_0_and_1(model):
    asked = ["p00", "p01", "p21", "p64", "p65", "unheard of"]
    alike = model.likeness(asked)
    assert alike.dtype == np.float32
    assert alike.tolist() == alike.T.tolist()
    assert alike.diagonal().tolist() == [1.0] * 6
    assert (alike >= 0.0).all()
    assert (alike <= 1.0).all()
    assert alike[0, 1] == 1.0, "one line"
    assert alike[0, 1] > alike[0, 2]
    assert alike[5, :5].tolist() == [0.0] * 5
    assert model.likeness([]).shape == (0, 0)


def test_popular_products_come_in_the_order_of_popularity(model, rich):
    found = model.popular(67)
    assert len(found) == 67
    scores = [r.score for r in found]
    assert scores == sorted(scores, reverse=True)
    sold = rich.purchases.assign(day=rich.purchases.ordered_at.dt.floor("D")).drop_duplicates(["customer_id", "product_id", "day"])
    age = (pd.Timestamp(START + timedelta(days=200)) - sold.day).dt.days
    worth = (2.0 ** -(age / model.half_lives.popularity_days)).groupby(sold.product_id).sum()
    expected = [worth.get(p, 0.0) for p in ids(found)]
    assert expected == pytest.approx(sorted(expected, reverse=True))
    assert PLAIN == "personal_frequency"
