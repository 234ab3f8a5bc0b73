"""The model: truth by construction, one customer as in bulk, saved and loaded, and blind to the future."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from features.errors import InputError
from features.instants import microseconds
from training.affinity.blend import ALL, NEW, Blend
from training.affinity.model import AffinityModel
from training.affinity.recall import MATRIX_FACTORISATION, PERSONAL_FREQUENCY, POPULARITY, PRODUCT_SIMILARITY
from training.affinity.score import affinity_scores
from training.affinity.signals import Signals

START = datetime(2025, 1, 1)
EVERY = {PERSONAL_FREQUENCY: 1.0, POPULARITY: 0.2, MATRIX_FACTORISATION: 0.3, PRODUCT_SIMILARITY: 0.1}
BLENDED = Blend({ALL: EVERY, NEW: {source: EVERY[source] for source in (POPULARITY, MATRIX_FACTORISATION, PRODUCT_SIMILARITY)}})


@pytest.fixture(scope="module")
def model(shop, end):
    return AffinityModel(BLENDED).fit(shop, as_of=end)


def own(table, customer_id):
    """One customer's rows as serving holds them: product, instant in microseconds, quantity."""
    rows = table[table.customer_id == customer_id]
    return list(zip(rows.product_id, rows.ordered_at.astype("int64"), rows.quantity, strict=True))


@pytest.mark.parametrize("exclude_purchased", [False, True])
def test_one_customer_gets_what_they_get_in_bulk(model, shop, end, exclude_purchased):
    bulk = model.recommend(shop, 15, exclude_purchased=exclude_purchased)
    for customer_id, rows in bulk.groupby("customer_id"):
        one = model.recommend_one(Signals(own(shop, customer_id)), end, 15, exclude_purchased=exclude_purchased)
        assert [r.product_id for r in one] == rows.product_id.tolist()
        assert [r.source for r in one] == rows.source.tolist()
        assert [r.score for r in one] == pytest.approx(rows.score.tolist(), abs=1e-5)


def test_everybody_gets_full_lists_without_repeats(model, shop):
    lists = affinity_scores(model, shop, 20)
    assert lists.groupby("customer_id").size().unique().tolist() == [20]
    assert not lists.duplicated(["customer_id", "product_id"]).any()
    assert lists.customer_id.nunique() == 120
    assert (lists.groupby("customer_id").score.diff().dropna() <= 1e-6).all()


def test_new_only_means_never_bought(model, shop):
    lists = model.recommend(shop, 20, exclude_purchased=True)
    assert lists.merge(shop, on=["customer_id", "product_id"]).empty
    assert lists.groupby("customer_id").size().unique().tolist() == [20]


def test_somebody_who_buys_the_same_every_week_is_offered_that_first(purchases):
    weekly = [("steady", "milk", day) for day in range(0, 70, 7)]
    others = [(f"c{i}", product, day) for i in range(20) for product in ("bread", "wine") for day in (3, 60)]
    table = purchases([*weekly, ("steady", "wine", 0), *others])
    first = (
        AffinityModel()
        .fit(table, as_of=START + timedelta(days=71))
        .recommend_one(Signals(own(table, "steady")), START + timedelta(days=71), 1)[0]
    )
    assert (first.product_id, first.source) == ("milk", PERSONAL_FREQUENCY)
    assert first.because == "bought 10 times, last on 2025-03-05"
    assert first.because_of == "milk"


def test_a_new_product_is_explained_by_an_own_one(model, shop, end):
    found = model.recommend_one(Signals(own(shop, "c001")), end, 20, exclude_purchased=True)
    explained = [r for r in found if r.because_of is not None]
    assert explained
    mine = set(shop[shop.customer_id == "c001"].product_id)
    assert all(r.because_of in mine and r.because.startswith(f"often bought together with {r.because_of}, bought on ") for r in explained)


def test_tastes_are_found_among_new_products(model, shop):
    first = model.recommend(shop, 1, exclude_purchased=True)
    taste = first.customer_id.str[1:].astype(int) % 3
    assert (first.product_id.str[1:].astype(int) // 20 == taste).mean() > 0.95


def test_purchases_after_as_of_change_nothing(shop):
    cut = START + timedelta(days=120)
    seen = AffinityModel(BLENDED).fit(shop[shop.ordered_at < cut], as_of=cut)
    told = AffinityModel(BLENDED).fit(shop, as_of=cut)
    history = shop[shop.ordered_at < cut]
    pd.testing.assert_frame_equal(seen.recommend(history, 10), told.recommend(history, 10))
    assert told.recommend_one(Signals(own(shop, "c002")), cut, 10) == seen.recommend_one(Signals(own(history, "c002")), cut, 10)


def test_purchases_since_the_training_count(model, end):
    bought = [("p59", microseconds(end + timedelta(days=1)), 1.0)]
    assert [r.product_id for r in model.recommend_one(Signals(bought), end, 10)] == [r.product_id for r in model.popular(10)]
    assert model.recommend_one(Signals(bought), end + timedelta(days=2), 10)[0].product_id == "p59"


def test_the_order_of_rows_changes_nothing(model, shop, end):
    shuffled = shop.sample(frac=1.0, random_state=1)
    again = AffinityModel(BLENDED).fit(shuffled, as_of=end)
    pd.testing.assert_frame_equal(model.recommend(shop, 10), again.recommend(shuffled, 10))


def test_saved_and_loaded_it_answers_the_same(model, shop, end, tmp_path):
    model.save(tmp_path)
    loaded = AffinityModel.load(tmp_path)
    pd.testing.assert_frame_equal(model.recommend(shop, 10), loaded.recommend(shop, 10))
    assert loaded.recommend_one(Signals(own(shop, "c004")), end, 10) == model.recommend_one(Signals(own(shop, "c004")), end, 10)
    assert loaded.popular(5) == model.popular(5)
    assert loaded.similar("p01", 5) == model.similar("p01", 5)
    assert (loaded.as_of, loaded.parameters()) == (model.as_of, model.parameters())
    assert {p.suffix for p in tmp_path.iterdir()} == {".json", ".npz"}


def test_no_trace_of_a_customer_is_saved(model, tmp_path):
    model.save(tmp_path)
    assert not any(b"c001" in path.read_bytes() for path in tmp_path.iterdir())
    with np.load(tmp_path / "recall.npz", allow_pickle=False) as read:
        assert all(120 not in array.shape for array in read.values())


def test_strangers_get_what_is_popular(model, shop, end):
    popular = [r.product_id for r in model.popular(10)]
    assert [r.product_id for r in model.recommend_one(Signals([]), end, 10)] == popular
    assert [r.product_id for r in model.recommend_one(Signals([("never heard of", 0, 1.0)]), end, 10)] == popular
    asked = model.recommend(shop, 10, customer_ids=["stranger", "c005"])
    assert asked[asked.customer_id == "stranger"].product_id.tolist() == popular
    assert asked.customer_id.unique().tolist() == ["c005", "stranger"]
    assert model.recommend(shop.head(0), 10, customer_ids=["stranger"]).product_id.tolist() == popular


def test_only_what_is_allowed_is_shown(model, shop, end):
    allowed = {"p00", "p21", "p42", "unheard of"}
    offered = model.offered(allowed)
    for found in (
        model.recommend_one(Signals(own(shop, "c006")), end, 10, offered=offered),
        model.popular(10, offered=offered),
        model.similar("p01", 10, offered=offered),
    ):
        assert {r.product_id for r in found} <= allowed
    assert set(model.recommend(shop, 10, offered=offered).product_id) == {"p00", "p21", "p42"}
    assert model.recommend_one(Signals(own(shop, "c006")), end, 10, offered=model.offered(())) == []


def test_similar_products_share_their_buyers(model):
    assert all(int(r.product_id[1:]) // 20 == 0 for r in model.similar("p01", 5))
    assert model.similar("unheard of", 5) == []


@pytest.mark.parametrize(
    "rows",
    [
        [("a", "x", 0)],
        [("a", "x", 0), ("b", "x", 3), ("c", "x", 9)],
        [("a", "x", 0), ("a", "y", 1), ("a", "z", 2)],
        [("a", "x", 0), ("b", "y", 1), ("c", "z", 2)],
    ],
)
def test_the_smallest_shops_get_frequency_and_popularity(purchases, rows):
    table = purchases(rows)
    model = AffinityModel(BLENDED).fit(table, as_of=START + timedelta(days=10))
    for exclude in (False, True):
        lists = model.recommend(table, 5, exclude_purchased=exclude)
        bought = table.merge(lists, on=["customer_id", "product_id"])
        assert len(bought) == (0 if exclude else len(table))
    assert len(model.recommend_one(Signals([]), START, 5)) == table.product_id.nunique()


def test_nothing_bought_before_as_of_is_an_input_error(shop):
    with pytest.raises(InputError, match="product_id"):
        AffinityModel().fit(shop, as_of=START)
