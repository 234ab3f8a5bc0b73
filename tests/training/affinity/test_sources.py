"""Each source alone, with its arithmetic spelled out."""

from itertools import pairwise

import numpy as np
import pytest

from training.affinity.catalogue import UNKNOWN
from training.affinity.history import CART, LOOKED, TAKEN_OUT
from training.affinity.sources import (
    bought_next,
    bought_together,
    favourites,
    looked_at,
    matrix_factorisation,
    new_products,
    personal_frequency,
    popular_in_place,
    popular_lately,
    popular_next,
    popularity,
    product_similarity,
    same_line,
    similar_customers,
)
from training.affinity.sources.factors import CONFIDENCE, REGULARIZATION
from training.affinity.sources.neighbourhood import NEIGHBOURS
from training.affinity.sources.new_products import PRICE_SPREAD

F = np.float32


def rows_at_random(rng, *, customers, products, days, unknown=True):
    """Rows of (customer, product, day) with repeats, full baskets, one-product baskets and products outside the range."""
    number = customers * days // 2
    low = UNKNOWN if unknown else 0
    return [
        (int(c), int(p), int(d))
        for c, p, d in zip(
            rng.integers(customers, size=number), rng.integers(low, products, size=number), rng.integers(days, size=number), strict=True
        )
    ]


def shares_by_hand(rows, customers, products, *, half_life=float("inf"), fading=1.0):
    """The share of each customer's baskets that hold the product, (customers, products): basket by basket."""
    table = np.zeros((customers, products))
    for one in range(customers):
        days = sorted({d for c, _, d in rows if c == one}, reverse=True)
        weights = {d: fading**back * 2 ** -((days[0] - d) / half_life) for back, d in enumerate(days)}
        for p in range(products):
            held = {d for c, q, d in rows if (c, q) == (one, p)}
            table[one, p] = sum(weights[d] for d in held) / max(sum(weights.values()), 1e-12)
    return table


# Shares of baskets


def test_personal_frequency_is_the_faded_share_of_baskets_that_hold_the_product(asked):
    # baskets: day 20 counts 1, day 10 a half, day 0 a quarter: 1.75 in all
    rows = [(0, 0, 0), (0, 0, 20), (0, 1, 10), (0, 1, 10), (0, UNKNOWN, 20), (2, 1, 3)]
    question = asked(rows, day=25, products=2, customers=3)
    said = personal_frequency.PersonalFrequency(10.0).scores(question)
    assert said == pytest.approx(np.array([[1.25 / 1.75, 0.5 / 1.75], [0, 0], [0, 1]]))
    later = personal_frequency.PersonalFrequency(10.0).scores(asked(rows, day=900, products=2, customers=3))
    assert later.tobytes() == said.tobytes(), "the moment of asking changes nothing"
    never = personal_frequency.PersonalFrequency(float("inf")).scores(question)
    assert never == pytest.approx(np.array([[2 / 3, 1 / 3], [0, 0], [0, 1]]))


def test_a_basket_outside_the_range_counts_against_what_is_in_it(asked):
    said = personal_frequency.PersonalFrequency(float("inf")).scores(asked([(0, 0, 0), (0, UNKNOWN, 5)], day=9, products=1))
    assert said.tolist() == [[0.5]]


@pytest.mark.parametrize(("half_life", "fading"), [(None, 1.0), (7.0, 1.0), (None, 0.7), (7.0, 0.9), (float("inf"), 0.5)])
def test_shares_fade_by_days_and_by_baskets(asked, half_life, fading):
    rng = np.random.default_rng(4)
    rows = rows_at_random(rng, customers=9, products=6, days=40)
    question = asked(rows, day=50, products=6, customers=9)
    table = np.zeros((9, 6))
    table[question.pairs.row, question.pairs.column] = question.shares(half_life, per_basket=fading)
    assert table == pytest.approx(shares_by_hand(rows, 9, 6, half_life=half_life or float("inf"), fading=fading))


def test_baskets_and_pairs_by_hand(asked):
    rows = [(0, 0, 0), (0, 0, 20), (0, 1, 10), (0, UNKNOWN, 15), (2, 1, 3), (2, UNKNOWN, 3)]
    question = asked(rows, day=25, products=2, customers=3)
    b, p = question.baskets, question.pairs
    assert list(zip(b.customer.tolist(), b.day.tolist(), b.back.tolist(), strict=True)) == [
        (0, 0, 3),
        (0, 10, 2),
        (0, 15, 1),
        (0, 20, 0),
        (2, 3, 0),
    ]
    assert (b.number.tolist(), b.first.tolist(), b.last.tolist()) == ([4, 0, 1], [0, 25, 3], [20, 25, 3])
    of_pairs = zip(p.row.tolist(), p.column.tolist(), p.count.tolist(), p.first.tolist(), p.last.tolist(), p.back.tolist(), strict=True)
    assert list(of_pairs) == [(0, 0, 2, 0, 20, 0), (0, 1, 1, 10, 10, 2), (2, 1, 1, 3, 3, 0)]
    assert question.had.tolist() == [[True, True], [False, False], [False, True]]


# Kinds of popularity


def test_popularity_counts_lately_more_and_is_a_share_of_the_greatest(asked, material):
    # product 0: one today; 1: two of a half; 2: one of a quarter; a day's second piece is no second purchase
    rows = [(0, 0, 20), (0, 1, 10), (1, 1, 10), (1, 1, 10), (1, 2, 0), (1, UNKNOWN, 20)]
    everybody = asked(rows, day=20, products=4, customers=2)
    assert popularity.fit(material(everybody)).scores(everybody).tolist() == [[1.0, 1.0, 0.25, 0.0]] * 2
    lately = popular_lately.fit(material(everybody)).scores(everybody)  # a half-life of 2.5 days: 1, 2/16, 1/256
    assert lately.tolist() == [[1.0, 2 / 16, 1 / 256, 0.0]] * 2


def test_popular_next_knows_how_many_baskets_came_before(asked, material):
    # one customer, a product for each basket: 1st; 2nd; 3rd to 5th; from the 6th on
    rows = [(0, basket, 10 * basket) for basket in range(8)]
    everybody = asked(rows, day=70, products=9)
    source = popular_next.fit(material(everybody))
    question = asked([(c, 8, d) for c in range(9) for d in range(c)], day=70, products=9, customers=9)
    said = source.scores(question)
    steps = [[0], [1], [2, 3, 4], [2, 3, 4], [2, 3, 4], [5, 6, 7], [5, 6, 7], [5, 6, 7], [5, 6, 7]]
    assert [np.flatnonzero(row).tolist() for row in said] == steps
    assert said[2].tolist() == [0, 0, 0.25, 0.5, 1.0, 0, 0, 0, 0]  # each 10 days, one half-life, older
    assert said[5, 7] == 1.0


def test_popular_in_place_counts_the_customers_of_the_place(asked, material):
    rows = [(c, c % 2, 10) for c in range(70)] + [(0, 2, 0), (62, 2, 10)]
    place = [c % 2 for c in range(60)] + [2] * 9 + [UNKNOWN]
    everybody = asked(rows, day=10, products=3, customers=70, place=place)
    source = popular_in_place.fit(material(everybody, place_names=("FR", "US", "VN")))
    said = source.scores(asked([], day=10, products=3, customers=5, place=[0, 1, 2, UNKNOWN, 7]))
    assert said == pytest.approx(np.array([[1, 0, 0.5 / 30], [0, 1, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]], F)), "nine customers are chance"


# Neighbours of products


def damped_by_hand(table):
    return table / np.sqrt(np.maximum(table.sum(axis=0), 1.0)) / np.sqrt(np.maximum(table.sum(axis=1), 1.0))[:, None]


def baskets_by_hand(rows, products):
    days = sorted({(c, d) for c, _, d in rows})
    table = np.zeros((len(days), products))
    for c, p, d in rows:
        if p != UNKNOWN:
            table[days.index((c, d)), p] = 1.0
    return days, table


def test_product_similarity_is_a_cosine_in_which_many_products_count_less(asked, material):
    everybody = asked([(0, 0, 0), (0, 1, 5), (1, 0, 0), (1, 1, 0), (1, 2, 9), (2, 0, 3)], day=10, products=3, customers=3)
    near = product_similarity.fit(material(everybody)).near.toarray()
    # columns of length sqrt 3, sqrt 2 and 1; the first customer has two products, the second three
    assert near[0, 1] == pytest.approx((1 / 2 + 1 / 3) / np.sqrt(3 * 2))
    assert near[0, 2] == pytest.approx((1 / 3) / np.sqrt(3))
    assert near == pytest.approx(near.T)
    assert near.diagonal().tolist() == [0, 0, 0]


@pytest.mark.parametrize("source", [product_similarity, bought_together, bought_next])
def test_neighbours_and_what_they_say_against_dense_tables(asked, material, source):
    rng = np.random.default_rng(6)
    rows = rows_at_random(rng, customers=12, products=8, days=20)
    everybody = asked(rows, day=30, products=8, customers=12)
    fitted = source.fit(material(everybody))
    days, baskets = baskets_by_hand(rows, 8)
    if source is product_similarity:
        damped = damped_by_hand((shares_by_hand(rows, 12, 8) > 0).astype(float))
        near, fading = damped.T @ damped * (1 - np.eye(8)), 0.9
    elif source is bought_together:
        damped = damped_by_hand(baskets)
        near, fading = damped.T @ damped * (1 - np.eye(8)), 0.7
    else:
        damped, fading = damped_by_hand(baskets), 0.7
        near = sum(np.outer(damped[i], damped[i + 1]) for i, (one, other) in enumerate(pairwise(days)) if one[0] == other[0])
    assert fitted.near.toarray() == pytest.approx(near, abs=1e-6)
    assert fitted.scores(everybody) == pytest.approx(shares_by_hand(rows, 12, 8, fading=fading) @ near, abs=1e-5)


def test_what_is_bought_next_is_directed_and_may_follow_itself(asked, material):
    everybody = asked(
        [(0, 0, 0), (0, 1, 5), (1, 0, 0), (1, 1, 8), (1, 1, 20), (1, UNKNOWN, 30), (1, 2, 40)], day=50, products=3, customers=2
    )
    near = bought_next.fit(material(everybody)).near.toarray()
    assert near[0, 1] > 0
    assert near[1, 0] == 0
    assert near[1, 1] > 0
    assert near[1, 2] == 0, "a basket of something else lay between"
    said = bought_next.fit(material(everybody)).scores(asked([(0, 0, 0)], day=50, products=3))
    assert said.argmax() == 1


def test_a_basket_of_more_than_five_hundred_products_says_nothing(asked, material):
    rows = [(0, p, 0) for p in range(501)] + [(1, 0, 0), (1, 1, 0)]
    everybody = asked(rows, day=9, products=501, customers=2)
    assert bought_together.fit(material(everybody)).near.nnz == 2
    smaller = asked([row for row in rows if row != (0, 500, 0)], day=9, products=501, customers=2)
    assert bought_together.fit(material(smaller)).near.nnz == 500 * NEIGHBOURS


# Groups and factors


def test_similar_customers_are_asked_in_their_groups(asked, material):
    """Two tastes; products 0 to 2 against 3 to 5. Product 6 is bought by every fourth customer of the first taste."""
    rows = [(c, 3 * (c % 2) + (c // 2 + k) % 3, d) for c in range(80) for k in range(2) for d in (0, 10 + k)]
    rows += [(c, 6, 10) for c in range(0, 80, 8)]
    everybody = asked(rows, day=20, products=7, customers=80)
    source = similar_customers.fit(material(everybody))
    assert source.profiles.shape == (4, 7)
    own = shares_by_hand(rows, 80, 7, fading=0.9)
    said = source.scores(everybody)
    length = np.linalg.norm(source.profiles, axis=1)
    likeness = own @ (source.profiles / length[:, None]).T
    assert said == pytest.approx(likeness / likeness.sum(axis=1, keepdims=True) @ source.profiles, abs=1e-5)  # four groups: all are asked
    first, second = said[::2], said[1::2]
    assert first[:, :3].min() > 3 * first[:, 3:6].max()
    assert first[:, 6].min() > second[:, 6].max()


def test_profiles_are_means_of_shares_and_of_nobody_alone(asked, material):
    rows = rows_at_random(np.random.default_rng(2), customers=60, products=5, days=12, unknown=False)
    everybody = asked(rows, day=20, products=5, customers=60)
    profiles = similar_customers.fit(material(everybody)).profiles
    own = shares_by_hand(rows, 60, 5, fading=0.9)
    assert len(profiles) == 3
    assert profiles.max() <= own.max()
    assert (profiles.min(axis=0) <= own.mean(axis=0) + 1e-6).all()
    assert (profiles.max(axis=0) >= own.mean(axis=0) - 1e-6).all()


def test_only_the_nearest_ten_groups_are_asked(asked):
    profiles = np.vstack([np.eye(12, dtype=F) + F(0.01), np.full((1, 12), 0.5, F)])
    said = similar_customers.SimilarCustomers(profiles).scores(asked([(0, 3, 0)], day=5, products=12))[0]
    cosine = profiles[:, 3] / np.linalg.norm(profiles, axis=1)
    near = np.argsort(-cosine, kind="stable")[:10]
    assert said == pytest.approx(cosine[near] / cosine[near].sum() @ profiles[near], abs=1e-6)


def test_a_folded_in_customer_solves_the_normal_equations(asked, material):
    rows = rows_at_random(np.random.default_rng(3), customers=40, products=12, days=10, unknown=False)
    everybody = asked(rows, day=20, products=12, customers=40)
    source = matrix_factorisation.fit(material(everybody))
    said = source.scores(everybody)
    Y = source.factors.products.astype(float)
    frequency = shares_by_hand(rows, 40, 12, half_life=40.0)  # four median gaps
    for row in range(0, 40, 7):
        r = frequency[row]
        C = np.diag(np.where(r > 0, 1.0 + CONFIDENCE * r, 1.0))
        x = np.linalg.solve(Y.T @ C @ Y + REGULARIZATION * np.eye(Y.shape[1]), Y.T @ C @ (r > 0))
        assert said[row] == pytest.approx(np.maximum(Y @ x, 0.0), abs=1e-3)


def test_the_withheld_diagonal_of_a_checkerboard_is_what_factors_recommend(asked, material):
    size = 50
    rows = [(c, p, 0) for c in range(size) for p in range(size) if (c + p) % 2 == 0 and c != p]
    everybody = asked(rows, day=1, products=size, customers=size)
    said = matrix_factorisation.fit(material(everybody)).scores(everybody)
    assert np.where(everybody.had, -1.0, said).argmax(axis=1).tolist() == list(range(size))


# What the range says


CUPS = [
    {"product_id": "0", "category": "Kitchen > Cups", "brand": "Ada", "product_line": "rose", "list_price": 10.0},
    {"product_id": "1", "category": "Kitchen > Cups", "brand": "Bob", "product_line": "rose", "list_price": 20.0},
    {"product_id": "2", "category": "Kitchen > Plates", "brand": "Ada", "product_line": "", "list_price": 10.0},
    {"product_id": "3", "category": "", "brand": "", "product_line": "rose", "list_price": 5.0},
    {"product_id": "4", "category": "", "brand": "", "product_line": "alone", "list_price": 5.0},
]


def test_favourites_are_popular_products_of_ones_categories_and_brands(asked, material):
    everybody = asked([(0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 0, 0), (0, 1, 0), (0, 2, 0), (0, 3, 0)], day=0, products=5, customers=4)
    source = favourites.fit(material(everybody, CUPS))
    said = source.scores(asked([(0, 0, 0), (0, 2, 3), (0, 2, 4), (0, 3, 1), (0, UNKNOWN, 2)], day=9, products=5))
    # of the products with a category one of two is a cup, one a plate; both with a brand are Ada's. Popular: 1, 1/4, 1/4, 1/4, 0
    assert said == pytest.approx(np.array([[1.5, 0.5 * 0.5, 1.5 * 0.5, 0, 0]]))


def test_the_same_line_has_the_other_variants_alone(asked, material):
    everybody = asked([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 2, 0)], day=0, products=5, customers=2)
    source = same_line.fit(material(everybody, CUPS))
    said = source.scores(asked([(0, 0, 0), (0, 2, 3), (1, 2, 3), (1, 4, 3)], day=9, products=5, customers=2))
    assert said == pytest.approx(np.array([[0, 1 * (0.1 + 0.5), 0, 1 * 0.1, 0], [0, 0, 0, 0, 0]])), "a line of one product is none"


def test_names_that_differ_in_the_last_word_alone_are_a_line(asked, material):
    names = ["REGENCY TEACUP GREEN", "Regency Teacup pink", "Red Mug", "Red Hat", "REGENCY SAUCER GREEN"]
    everybody = asked([(0, p, 0) for p in range(5)], day=0, products=5)
    line = same_line.fit(material(everybody, [{"product_id": str(i), "name": name} for i, name in enumerate(names)])).line
    assert line[0] == line[1] != UNKNOWN
    assert line[2:].tolist() == [UNKNOWN] * 3


NEW = [
    {"product_id": "0", "category": "A", "brand": "x", "list_price": 10.0},
    {"product_id": "1", "category": "B", "brand": "y", "list_price": 40.0},
    {"product_id": "2", "category": "A", "brand": "y", "list_price": 20.0},  # first sold a day ago
    {"product_id": "3", "category": "A", "brand": "", "list_price": None},  # never sold, of unknown age
    {"product_id": "4", "category": "A", "brand": "x", "list_price": 10.0, "available_from": "1970-01-02"},  # never sold, old
    {"product_id": "5", "category": "B", "brand": "x", "list_price": 10.0, "available_from": "1970-03-25"},  # never sold, new
    {"product_id": "6", "category": "", "brand": "", "list_price": 10.0},  # nothing is known of it
    {"product_id": "7", "category": "A", "brand": "x", "list_price": 10.0},  # first sold a day ago, by five
]


def test_new_products_go_to_those_who_buy_their_kind_at_their_price(asked, material):
    sold = [(c, 0, 10) for c in range(9)] + [(c, 1, 10) for c in range(9)] + [(0, 2, 99)] + [(c, 7, 99) for c in range(5)]
    source = new_products.fit(material(asked(sold, day=100, products=8, customers=9), NEW))
    assert np.flatnonzero(source.cold).tolist() == [2, 3, 5]
    said = source.scores(asked([(0, 0, 10), (0, 0, 30), (0, 1, 10), (1, 6, 10), (2, UNKNOWN, 10)], day=100, products=8, customers=3))
    # usual price of the first: the root of 10 x 40 = 20; half of its products are A, half B; half x, half y
    away = 2 ** -((np.log(10 / 20) / PRICE_SPREAD) ** 2)
    assert said[0] == pytest.approx(np.array([0, 0, (0.5 + 0.5) * 1.0, 0.5 * 0.5, 0, (0.5 + 0.5) * away, 0, 0]))
    assert not said[1:].any()


def test_twice_the_usual_price_counts_about_a_half(asked, material):
    products = [{"product_id": "0", "category": "A", "list_price": 10.0}, {"product_id": "1", "category": "A", "list_price": 20.0}]
    everybody = asked([(c, 0, 0) for c in range(9)], day=100, products=2, customers=9)
    assert new_products.fit(material(everybody, products)).scores(everybody)[0, 1] == pytest.approx(0.5, abs=0.01)


# Interest


def interest_in(asked, seen, bought=()):
    return looked_at.LookedAt(10.0).scores(asked(list(bought), day=30, products=4, seen=[(0, *row) for row in seen]))[0].tolist()


def test_views_fade_and_what_lies_in_the_cart_counts_three_more(asked):
    said = interest_in(asked, [(0, 20.0, LOOKED), (0, 10.0, LOOKED), (1, 30.0, CART), (2, 29.0, LOOKED), (2, 20.0, CART)])
    assert said == pytest.approx([2 * 0.5, 3.0, 4 * 2**-0.1, 0.0])


def test_what_was_taken_out_of_the_cart_counts_as_looked_at(asked):
    said = interest_in(asked, [(0, 20.0, CART), (0, 21.0, TAKEN_OUT), (1, 20.0, LOOKED), (1, 20.0, CART), (1, 21.0, TAKEN_OUT)])
    assert said == pytest.approx([0.0, 0.5, 0.0, 0.0])
    again = interest_in(asked, [(0, 10.0, CART), (0, 12.0, TAKEN_OUT), (0, 20.0, CART)])
    assert again == pytest.approx([1.5, 0.0, 0.0, 0.0])


def test_what_was_bought_since_is_no_longer_looked_at(asked):
    seen = [(0, 10.0, LOOKED), (0, 10.0, CART), (1, 10.5, LOOKED), (2, 11.5, LOOKED)]
    said = interest_in(asked, seen, [(0, 0, 10), (0, 1, 10), (0, 2, 10), (0, 3, 10)])
    assert said == pytest.approx([0.0, 0.0, 2**-1.85, 0.0]), "what is seen on the day of the purchase was bought"
    assert interest_in(asked, [(0, 10.0, LOOKED)], [(0, 1, 25), (0, UNKNOWN, 25)]) == pytest.approx([0.25, 0, 0, 0])


def test_views_and_purchases_of_one_customer_are_not_anothers(asked):
    question = asked([(0, 0, 20)], day=30, products=2, customers=2, seen=[(0, 0, 10.0, LOOKED), (1, 0, 20.0, LOOKED)])
    assert looked_at.LookedAt(10.0).scores(question).tolist() == [[0.0, 0.0], [0.5, 0.0]]
