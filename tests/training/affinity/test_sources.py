"""Each source alone, with its arithmetic spelled out."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from features.errors import InputError
from features.instants import DAY_US
from training.affinity.history import UNKNOWN, encode, median_gap_days, own_purchases, purchase_days
from training.affinity.matrix_factorisation import CONFIDENCE, REGULARIZATION, confidence, factorise
from training.affinity.personal_frequency import personal_frequency
from training.affinity.popularity import most_popular_first, popularity
from training.affinity.product_similarity import similarities, similarity_scores
from training.affinity.top import BLOCKED, best, keys


def days_of(rows, *, customers, products):
    customer, product, day = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    return purchase_days(customer, product, day * DAY_US + 5, customers=customers, products=products)


def test_personal_frequency_is_the_decayed_share_of_purchase_days():
    # last day 20 counts 1, day 10 counts a half, day 0 a quarter: 1.75 in all
    rows = [(0, 0, 0), (0, 0, 20), (0, 1, 10), (0, 1, 10), (0, UNKNOWN, 20), (2, 1, 3)]
    frequency = personal_frequency(days_of(rows, customers=3, products=2), 10.0).toarray()
    assert frequency == pytest.approx(np.array([[1.25 / 1.75, 0.5 / 1.75], [0, 0], [0, 1]]))


def test_popularity_counts_lately_more_and_is_a_share_of_the_highest():
    popular = popularity(np.array([0, 1, 1]), np.array([10, 0, 0]), 10, 10.0, products=3)
    assert popular.tolist() == [1.0, 1.0, 0.0]  # one purchase today, two of a half
    assert most_popular_first(popular, np.array([1, 2, 0])).tolist() == [
        1,
        0,
    ]  # equals: the more often bought; the never bought is left out


def test_a_folded_in_customer_solves_the_normal_equations():
    rng = np.random.default_rng(3)
    frequency = csr_matrix(rng.random((40, 12)) * (rng.random((40, 12)) < 0.3))
    factors = factorise(frequency, rng, threads=1)
    assert factors is not None
    Y = factors.products.astype(float)
    for row in range(3):
        r = frequency[row].toarray()[0]
        C = np.diag(1.0 + np.where(r > 0, CONFIDENCE * r, 0.0))
        x = np.linalg.solve(Y.T @ C @ Y + REGULARIZATION * np.eye(Y.shape[1]), Y.T @ C @ (r > 0))
        assert factors.fold_in(frequency[[row]])[0] == pytest.approx(x, abs=1e-3)
    assert confidence(frequency).data.min() > 1.0


def test_the_withheld_diagonal_of_a_checkerboard_is_what_factors_recommend():
    size = 50
    board = (np.add.outer(np.arange(size), np.arange(size)) % 2 == 0).astype(float)
    np.fill_diagonal(board, 0.0)
    factors = factorise(csr_matrix(board), np.random.default_rng(0), threads=1)
    assert factors is not None
    scores = np.where(board > 0, -1.0, factors.scores(csr_matrix(board)))
    assert scores.argmax(axis=1).tolist() == list(range(size))


def test_two_customers_are_too_few_to_factorise():
    assert factorise(csr_matrix(np.ones((2, 9))), np.random.default_rng(0), threads=1) is None


def test_similarity_is_the_cosine_of_who_bought():
    bought = csr_matrix(np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 1]], float))
    near = similarities(bought, threads=1).toarray()
    assert near[0, 1] == pytest.approx(2 / np.sqrt(3 * 2))
    assert near == pytest.approx(near.T)
    assert near.diagonal().tolist() == [0, 0, 0]
    scores = similarity_scores(csr_matrix(np.array([[0.2, 0, 0], [0, 0, 0.0]])), csr_matrix(near.astype(np.float32)))
    assert scores.tolist() == [[0, 1, 0], [0, 0, 0]]


def test_ties_go_to_the_more_popular_and_the_blocked_come_last():
    ranked = keys(np.array([[0.5, 0.9, 0.5, 0.5 + 1e-9]], np.float32), np.arange(4), 4)
    assert best(ranked, 3).tolist() == [[1, 0, 2]]
    ranked[0, 1] = BLOCKED
    assert best(ranked, 9).tolist() == [[0, 2, 3, 1]]


def test_the_median_gap_is_over_purchase_days(shop):
    assert 8 <= median_gap_days(encode(shop)) <= 12
    assert median_gap_days(encode(shop.drop_duplicates("customer_id"))) == 30


def test_the_future_and_returned_pieces_are_no_purchases():
    rows = [("a", 0, 1.0), ("b", DAY_US, 1.0), ("c", 0, -1.0), ("d", 5, float("nan"))]
    assert own_purchases(rows, datetime(1970, 1, 1) + timedelta(days=1)) == [("a", 0), ("d", 5)]


def test_orders_without_products_say_what_to_do(shop):
    with pytest.raises(InputError, match=r"product_id.*Map the column"):
        encode(shop.head(0))
