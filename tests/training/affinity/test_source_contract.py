"""What every source promises: one contract over all of them, in a shop that has something for each."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from features.instants import DAY_US, microseconds
from features.interaction_tables import Interactions
from training.affinity.candidates import first
from training.affinity.history import encode
from training.affinity.questions import of_signals, of_tables
from training.affinity.recall import SOURCES, fit_recall
from training.affinity.signals import Signals
from training.affinity.sources.source import HalfLives

START = datetime(2025, 1, 1)
HALVES = HalfLives(160.0, 20.0)
FOR_STRANGERS = {"popularity", "popular_lately", "popular_next"}
every_source = pytest.mark.parametrize("name", list(SOURCES))


@pytest.fixture(scope="module")
def recall(rich, end):
    return fit_recall(encode(rich), end, HALVES)


@pytest.fixture(scope="module")
def customers(rich):
    return np.unique(np.asarray(rich.purchases.customer_id, dtype=str))


@pytest.fixture(scope="module")
def everybody(rich, end, recall, customers):
    """Everybody, some days after the training, and a stranger at the end."""
    day = microseconds(end) // DAY_US + 3
    return of_tables(rich, np.append(customers, "stranger"), day, recall.range)


def alone(rich, customer, end, recall):
    """One customer as serving asks, in no order of time."""
    own = rich.purchases[rich.purchases.customer_id == customer].sample(frac=1.0, random_state=1)
    seen = rich.interest[rich.interest.customer_id == customer].sample(frac=1.0, random_state=2)
    place = rich.places[rich.places.customer_id == customer].place.tolist()
    bought = list(zip(own.product_id, own.ordered_at.astype("int64").tolist(), own.quantity, strict=True))
    looked = list(zip(seen.product_id, seen.occurred_at.astype("int64").tolist(), seen.event_type, strict=True))
    return of_signals(Signals(bought, looked, place[0] if place else ""), end + timedelta(days=3), recall.range)


def test_this_shop_has_something_for_every_source(recall):
    assert [source.name for source in recall.sources] == list(SOURCES)


@every_source
def test_scores_are_finite_not_negative_and_of_every_product(name, recall, everybody):
    said = recall.source(name).scores(everybody)
    assert said.shape == (121, 67)
    assert said.dtype == np.float32
    assert np.isfinite(said).all()
    assert (said >= 0.0).all()
    assert (said > 0.0).any()


@every_source
def test_its_arrays_are_all_that_it_knows(name, recall, everybody):
    source = recall.source(name)
    arrays = {key: np.asarray(values) for key, values in source.arrays().items()}
    assert arrays
    assert not any(values.dtype.hasobject for values in arrays.values())
    assert not any({120, 121} & set(values.shape) for values in arrays.values()), "nothing has a row for each customer"
    read = SOURCES[name].read(arrays)
    assert type(read) is type(source)
    assert read.name == name
    assert read.scores(everybody).tobytes() == source.scores(everybody).tobytes()


@every_source
def test_one_alone_gets_the_same_scores_as_in_bulk_bit_by_bit(name, recall, rich, everybody, customers, end):
    source = recall.source(name)
    bulk = source.scores(everybody)
    for row in range(0, 120, 3):
        assert source.scores(alone(rich, customers[row], end, recall)).tobytes() == bulk[[row]].tobytes()
        assert source.scores(everybody.rows(row, row + 2)).tobytes() == bulk[row : row + 2].tobytes()


@every_source
def test_strangers_are_told_what_is_popular_or_nothing(name, recall, everybody, end):
    source = recall.source(name)
    nobody = source.scores(of_signals(Signals(), end, recall.range))
    assert nobody.tobytes() == source.scores(everybody)[[120]].tobytes()
    assert bool(nobody.any()) == (name in FOR_STRANGERS)
    assert source.scores(everybody.rows(0, 0)).shape == (0, 67)


@every_source
def test_what_comes_later_changes_nothing_in_what_is_learned(name, rich):
    """Neither purchases, nor interest, nor products that come into the range."""
    cut = START + timedelta(days=150)
    before = rich.before(cut)
    assert len(before.products) < len(rich.products)
    blind, told = (
        fit_recall(history, cut, HALVES, names=[name, "popularity"], unsold=False).source(name)
        for history in (encode(before), encode(rich).before(cut))
    )
    assert (blind is None) == (told is None)
    assert blind is not None or name == "new_products"
    if blind is not None:
        asked = of_tables(
            before, np.unique(np.asarray(before.purchases.customer_id, dtype=str)), microseconds(cut) // DAY_US, _range(rich, cut)
        )
        assert blind.scores(asked).tobytes() == told.scores(asked).tobytes()


def _range(rich, cut):
    return fit_recall(encode(rich).before(cut), cut, HALVES, names=["popularity"], unsold=False).range


@every_source
def test_rows_at_or_after_the_time_of_asking_are_not_seen(name, recall, end):
    now = microseconds(end)
    bought, seen = [("p05", now - 9 * DAY_US, 1.0), ("p06", now - DAY_US, 2.0)], [("p07", now - 1, "product_view")]
    later = [("p08", now, 1.0), ("p09", now + 1, 1.0)], [("p10", now, "product_view"), ("p07", now + 5, "remove_from_cart")]
    source = recall.source(name)
    known = source.scores(of_signals(Signals(bought, seen, "FR"), end, recall.range))
    assert (
        source.scores(of_signals(Signals([*later[0], *bought], [*later[1], *seen], "FR"), end, recall.range)).tobytes() == known.tobytes()
    )
    moment = source.scores(of_signals(Signals([*later[0], *bought], [*later[1], *seen], "FR"), end + timedelta(days=1), recall.range))
    assert name in {"popularity", "popular_lately", "popular_next", "popular_in_place"} or moment.tobytes() != known.tobytes()


@every_source
def test_returned_pieces_are_no_purchases(name, recall, end):
    now = microseconds(end)
    bought = [("p05", now - 9 * DAY_US, 1.0)]
    back = [("p11", now - DAY_US, -1.0), ("p12", now - DAY_US, 0.0)]
    source = recall.source(name)
    known, told = (source.scores(of_signals(Signals(rows), end, recall.range)) for rows in (bought, bought + back))
    assert told.tobytes() == known.tobytes()


@every_source
def test_unknown_products_count_as_baskets_and_nothing_else(name, recall, end):
    now = microseconds(end)
    bought = [("p05", now - 9 * DAY_US, 1.0), ("p25", now - 2 * DAY_US, 1.0)]
    seen = [("p07", now - DAY_US, "product_view")]
    source = recall.source(name)
    known = source.scores(of_signals(Signals(bought, seen), end, recall.range))
    beside = [("unheard of", at, 1.0) for _, at, _ in bought] + [("nor of that", now - 2 * DAY_US, 1.0)]
    unseen = [*seen, ("unheard of", now - DAY_US, "add_to_cart")]
    assert source.scores(of_signals(Signals([*bought, *beside], unseen), end, recall.range)).tobytes() == known.tobytes(), (
        "in their baskets"
    )
    alone = of_signals(Signals([*bought, ("unheard of", now - 5 * DAY_US, 1.0)], seen), end, recall.range)
    assert alone.baskets.number.tolist() == [3]
    assert alone.pairs.key.tolist() == of_signals(Signals(bought, seen), end, recall.range).pairs.key.tolist()
    only = source.scores(of_signals(Signals(beside), end, recall.range))
    assert bool(only.any()) == (name in FOR_STRANGERS)


@every_source
def test_the_same_seed_learns_the_same(name, rich, end):
    names = [name, "popularity"]
    one, other = (fit_recall(encode(rich), end, HALVES, names=names, seed=5, threads=threads).source(name).arrays() for threads in (1, 2))
    assert all(np.asarray(one[key]).tobytes() == np.asarray(other[key]).tobytes() for key in one)


@every_source
def test_the_order_of_rows_changes_nothing(name, rich, end):
    shuffled = Interactions(
        *(table.sample(frac=1.0, random_state=3) for table in (rich.purchases, rich.interest, rich.products, rich.places))
    )
    one, other = (fit_recall(encode(known), end, HALVES, names=[name, "popularity"]).source(name).arrays() for known in (rich, shuffled))
    assert all(np.asarray(one[key]).tobytes() == np.asarray(other[key]).tobytes() for key in one)


BARE = {  # rows of (customer, product, day): where data have nothing for a source
    "matrix_factorisation": [(0, 0, 0), (0, 1, 1), (1, 1, 2), (1, 2, 2)],  # two customers
    "product_similarity": [(0, 0, 0), (1, 1, 1), (2, 2, 1)],  # nobody has two products
    "bought_together": [(0, 0, 0), (0, 1, 1), (1, 1, 2), (1, 2, 3)],  # every basket holds one
    "bought_next": [(0, 0, 0), (0, 1, 0), (1, 1, 2)],  # nobody came back
    "similar_customers": [(i, i % 3, 0) for i in range(39)],  # one group of twenty
    "popular_in_place": [(i, i % 3, 0) for i in range(59)],  # places of 30 and of 29
    "favourites": [(0, 0, 0)],
    "same_line": [(0, 0, 0)],
    "looked_at": [(0, 0, 0)],
    "new_products": [(0, 0, 0)],
}


@every_source
def test_it_is_none_where_the_data_have_nothing_for_it(name, asked, material):
    rows = BARE.get(name, [(0, 0, 0)])
    customers = rows[-1][0] + 1
    everybody = asked(rows, day=5, products=4, customers=customers, place=[i % 2 for i in range(customers)])
    fitted = SOURCES[name].fit(material(everybody, place_names=("FR", "VN")))
    assert (fitted is None) == (name in BARE)


NEARLY = {
    "matrix_factorisation": [(0, 0, 0), (1, 1, 2), (2, 2, 2)],
    "product_similarity": [(0, 0, 0), (0, 1, 1)],
    "bought_together": [(0, 0, 0), (0, 1, 0)],
    "bought_next": [(0, 0, 0), (0, 0, 1)],
    "similar_customers": [(i, i % 3, 0) for i in range(40)],
    "popular_in_place": [(i, i % 3, 0) for i in range(60)],
}


@pytest.mark.parametrize("name", list(NEARLY))
def test_it_is_there_as_soon_as_they_have(name, asked, material):
    customers = NEARLY[name][-1][0] + 1
    everybody = asked(NEARLY[name], day=5, products=4, customers=customers, place=[i % 2 for i in range(customers)])
    assert SOURCES[name].fit(material(everybody, place_names=("FR", "VN"))) is not None


def test_new_products_are_not_lost_while_none_is_new(asked, material):
    """A ranker that learned when there were some asks for this source later, too."""
    catalogue = [{"product_id": "0", "category": "A"}, {"product_id": "1", "category": "B"}]
    everybody = asked([(0, 0, 0), (0, 1, 1)], day=100, products=2)
    source = SOURCES["new_products"].fit(material(everybody, catalogue))
    assert source is not None
    assert not source.scores(everybody).any()


def test_orders_known_beforehand_are_those_of_the_scores(recall, everybody):
    ready = recall.orders(everybody)
    assert {s.name for s, orders in zip(recall.sources, ready, strict=True) if orders is not None} == {*FOR_STRANGERS, "popular_in_place"}
    for source, orders in zip(recall.sources, ready, strict=True):
        if orders is not None:
            said = source.scores(everybody)
            assert all(orders[row].tolist() == first(said[row], 67).tolist() for row in range(121))
