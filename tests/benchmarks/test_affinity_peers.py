"""Every peer of the affinity benchmark does what its paper says: on histories small enough for a hand, or against another way to compute it."""

import numpy as np
import pandas as pd
import pytest
from implicit.nearest_neighbours import BM25Recommender
from scipy.sparse import csr_matrix

from benchmarks import affinity_ease, affinity_frequency, affinity_implicit, affinity_tifu_knn, affinity_up_cf
from benchmarks.affinity_baskets import Baskets, encode
from benchmarks.affinity_histories import Case
from benchmarks.affinity_peers import NAMES, PEERS, Peer, chosen, measured_peers, question
from benchmarks.affinity_protocol import ALL, MODES, NEW
from benchmarks.affinity_scores import lists


def lines(*baskets: tuple[str, str, str]) -> pd.DataFrame:
    """Of (customer, day, products as letters): one order each."""
    rows = [(c, f"{c}{day}", p, pd.Timestamp(day)) for c, day, products in baskets for p in products]
    return pd.DataFrame(rows, columns=["customer_id", "order_id", "product_id", "ordered_at"])


def drawn(seed: int, customers: int = 40, products: int = 12) -> Baskets:
    rng = np.random.default_rng(seed)
    rows = [
        (f"c{c:02d}", f"o{c}-{b}", f"p{p:02d}", pd.Timestamp("2026-01-01") + pd.Timedelta(days=int(rng.integers(90))))
        for c in range(customers)
        for b in range(rng.integers(1, 5))
        for p in rng.choice(products, rng.integers(1, 4), replace=False)
    ]
    return encode(pd.DataFrame(rows, columns=["customer_id", "order_id", "product_id", "ordered_at"]))


def test_baskets_are_counted_from_the_newest_and_hold_each_product_once():
    baskets = encode(pd.concat([lines(("u", "2026-01-01", "ab"), ("v", "2026-01-11", "b"), ("u", "2026-01-09", "a"))] * 2))
    found = sorted(
        zip(
            *(a.tolist() for a in (baskets.customer, baskets.product, baskets.place, baskets.basket_count)),
            baskets.age_days.tolist(),
            strict=True,
        )
    )
    assert found == [(0, 0, 0, 2, 2.0), (0, 0, 1, 2, 10.0), (0, 1, 1, 2, 10.0), (1, 1, 0, 1, 0.0)]
    assert baskets.customer_ids.tolist() == ["u", "v"]
    assert baskets.popularity(np.inf).tolist() == [1.0, 1.0]
    np.testing.assert_allclose(baskets.popularity(10.0), [(2**-0.2 + 0.5) / 1.5, 1.0])


def test_an_order_over_midnight_is_one_basket_of_its_first_instant():
    late = lines(("u", "2026-01-01", "a"), ("u", "2026-01-02", "b")).assign(order_id="one")
    assert encode(late).age_days.tolist() == [1.0, 1.0]


def test_personal_frequency_by_hand():
    baskets = encode(lines(("u", "2026-01-01", "ab"), ("u", "2026-01-21", "a"), ("u", "2026-01-31", "c"), ("v", "2026-01-31", "bd")))
    scores = affinity_frequency.fit(baskets, affinity_frequency.Setting(10.0, np.inf))
    own = np.array([0.125 + 0.5, 0.125, 1.0, 0.0])  # a 30 and 10 days ago, b 30 days ago, c today
    np.testing.assert_allclose(scores(np.array([0])), [own + 1e-6 * np.array([1.0, 1.0, 0.5, 0.5])], rtol=1e-9)
    counted = affinity_frequency.fit(baskets, affinity_frequency.Setting(np.inf, np.inf))
    assert lists(baskets, counted, np.array([0]), new_only=False) == {
        "u": ["a", "b", "c", "d"]
    }  # b is more popular than c, d was never bought


def test_tifu_weights_by_hand():
    five = encode(lines(*[("u", f"2026-01-0{day}", "a") for day in range(1, 6)]))
    w = affinity_tifu_knn.weights(five, affinity_tifu_knn.Setting(2, 0.9, 0.5, 1, 1.0))
    by_place = dict(zip(five.place.tolist(), w.tolist(), strict=True))
    groups = {0: 1 / 2, 1: 0.9 / 2, 2: 0.5 / 2, 3: 0.5 * 0.9 / 2, 4: 0.25}  # three groups: two, two, and the oldest alone
    assert by_place == pytest.approx({place: value / 3 for place, value in groups.items()})


def test_tifu_takes_the_nearest_other_customer():
    baskets = encode(lines(("u", "2026-01-01", "a"), ("v", "2026-01-01", "ab"), ("w", "2026-01-01", "cd")))
    scores = affinity_tifu_knn.fit(baskets, affinity_tifu_knn.Setting(1, 1.0, 1.0, 1, 0.7))
    np.testing.assert_allclose(scores(np.array([0, 1])), [[1.0, 0.3, 0.0, 0.0], [1.0, 0.7, 0.0, 0.0]], rtol=1e-6)
    everybody = affinity_tifu_knn.fit(baskets, affinity_tifu_knn.Setting(1, 1.0, 1.0, 900, 0.5))
    np.testing.assert_allclose(everybody(np.array([2])), [[0.5, 0.25, 0.5, 0.5]], rtol=1e-6)


def test_tifu_of_one_customer_is_their_own_vector():
    alone = encode(lines(("u", "2026-01-01", "a"), ("u", "2026-01-02", "ab")))
    scores = affinity_tifu_knn.fit(alone, affinity_tifu_knn.Setting(7, 1.0, 1.0, 300, 0.7))
    np.testing.assert_allclose(scores(np.array([0])), [[1.0, 0.5]])


def test_up_cf_by_hand():
    baskets = encode(lines(("u", "2026-01-01", "ab"), ("u", "2026-01-02", "a"), ("v", "2026-01-01", "b"), ("v", "2026-01-03", "cde")))
    similarity = 1 / (2**0.25 * 4**0.75)  # one product in common; u bought two, v four
    own, other = np.array([1.0, 0.5, 0.0, 0.0, 0.0]), np.array([0.0, 0.5, 0.5, 0.5, 0.5])
    scores = affinity_up_cf.fit(baskets, affinity_up_cf.Setting(5, 2, 0.25))
    np.testing.assert_allclose(scores(np.array([0])), [own + similarity**2 * other])
    newest = affinity_up_cf.fit(baskets, affinity_up_cf.Setting(1, 2, 0.25))
    np.testing.assert_allclose(newest(np.array([0])), [np.array([1.0, 0, 0, 0, 0]) + similarity**2 * np.array([0, 0, 1.0, 1.0, 1.0])])
    back = affinity_up_cf.fit(baskets, affinity_up_cf.Setting(5, 1, 0.25))  # v asks: |I_v| is now the left one
    np.testing.assert_allclose(back(np.array([1])), [other + own / (4**0.25 * 2**0.75)])


def test_ease_is_each_products_ridge_regression_on_the_others():
    baskets, lambda_ = drawn(1), 3.0
    X = baskets.bought().toarray()
    scores = affinity_ease.fit(baskets, affinity_ease.Setting(lambda_))(np.arange(len(X)))
    for j in range(X.shape[1]):
        others = np.delete(X, j, axis=1)
        beta = np.linalg.solve(others.T @ others + lambda_ * np.eye(others.shape[1]), others.T @ X[:, j])
        np.testing.assert_allclose(scores[:, j] - scores[:, 0], others @ beta - expected_first(X, lambda_), atol=1e-4)


def expected_first(X: np.ndarray, lambda_: float) -> np.ndarray:
    others = X[:, 1:]
    return np.asarray(others @ np.linalg.solve(others.T @ others + lambda_ * np.eye(others.shape[1]), others.T @ X[:, 0]))


def test_ease_leaves_the_least_bought_products_to_the_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(affinity_ease, "MOST_PRODUCTS", 5)
    baskets = drawn(2)
    scores = affinity_ease.fit(baskets, affinity_ease.Setting(3.0))(np.arange(10))
    counts = np.bincount(baskets.product)
    modelled = np.argsort(-counts, kind="stable")[:5]
    left = np.setdiff1d(np.arange(len(counts)), modelled)
    assert (scores[:, left] == 0.0).all()
    assert (scores[:, modelled] >= 0.0).all()


def test_als_finds_the_withheld_square_of_a_checkerboard():
    board = [(f"c{c:02d}", "2026-01-01", "".join(chr(97 + p) for p in range(12) if p % 2 == c % 2 and p != c % 12)) for c in range(36)]
    baskets = encode(lines(*board))
    scores = affinity_implicit.fit_als(baskets, affinity_implicit.ALSSetting(4, 0.01, 5.0))
    found = lists(baskets, scores, np.arange(36), new_only=True)
    assert all(found[f"c{c:02d}"][0] == chr(97 + c % 12) for c in range(36))


@pytest.mark.filterwarnings("ignore:Method expects CSR input")  # the library warns of a table that it made itself
def test_bm25_ranks_as_the_library_recommends():
    baskets = drawn(4, customers=60, products=26)
    counts = csr_matrix(baskets.table(np.ones(len(baskets.product))).astype(np.float32))
    peer = BM25Recommender(K=7, K1=1.2, B=0.75, num_threads=1)
    peer.fit(counts, show_progress=False)
    scores = affinity_implicit.fit_bm25(baskets, affinity_implicit.BM25Setting(7, 1.2, 0.75))(np.arange(60))
    for customer in range(60):
        columns, values = peer.recommend(customer, counts[customer], N=5, filter_already_liked_items=False)
        np.testing.assert_allclose(scores[customer, columns], values, rtol=1e-5)
        np.testing.assert_allclose(np.sort(scores[customer])[::-1][:5], values, rtol=1e-5)


def test_lists_part_ties_by_popularity_and_leave_out_what_was_bought():
    baskets = encode(lines(("u", "2026-01-01", "a"), ("v", "2026-01-01", "cd"), ("w", "2026-01-01", "d"), ("x", "2026-01-01", "b")))
    same = lambda customers: np.zeros((len(customers), 4))  # noqa: E731
    assert lists(baskets, same, np.array([0]), new_only=False)["u"][0] == "d"
    assert sorted(lists(baskets, same, np.array([1]), new_only=True)["v"]) == ["a", "b"]
    ordered = lambda customers: np.tile([4.0, 3.0, 2.0, 1.0], (len(customers), 1))  # noqa: E731
    assert lists(baskets, ordered, np.array([1, 2]), new_only=True) == {"v": ["a", "b"], "w": ["a", "b", "c"]}


@pytest.mark.parametrize("peer", PEERS, ids=NAMES)
def test_every_peer_answers_many_as_one_and_asks_each_time_the_same(peer: Peer):
    baskets = drawn(6)
    scores = peer.fit(baskets, peer.grid[0])
    many = scores(np.arange(20))
    assert many.shape == (20, len(baskets.product_ids))
    assert np.isfinite(many).all()
    np.testing.assert_allclose(np.vstack([scores(np.array([c])) for c in range(20)]), many, atol=1e-5)
    np.testing.assert_allclose(peer.fit(baskets, peer.grid[0])(np.arange(20)), many, atol=1e-5)


def repeating(last: str = "a") -> pd.DataFrame:
    """Thirty customers who bought b often long ago, and have bought a lately; the last basket holds `last`, too."""
    months = ("2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01")
    one = [*((month, "b") for month in months), ("2026-01-01", "a"), ("2026-02-01", "a"), ("2026-03-01", last)]
    return lines(*((f"c{c:02d}", day, products) for c in range(30) for day, products in one))


def test_parameters_are_those_that_were_best_one_step_earlier():
    peer = Peer("frequency", (affinity_frequency.Setting(np.inf, np.inf), affinity_frequency.Setting(30.0, np.inf)), affinity_frequency.fit)
    case = Case("made", repeating(last="b"))
    settings = chosen(peer, question(case.earlier()))
    assert settings[ALL] == peer.grid[1]  # the basket before the last one holds a, which all-time counts put second
    assert settings[NEW] == peer.grid[0]  # nothing new is to be found: the first of the grid
    measured = dict(measured_peers(case, [peer]))["frequency"][ALL]
    assert measured.found.recall == 1.0
    assert measured.setting == peer.grid[1]  # although the last basket holds b, which the other would put first
    assert measured.found.ndcg < 1.0


def test_the_answers_change_no_parameter():
    peer = PEERS[0]
    one, other = (chosen(peer, question(Case("made", repeating(last)).earlier())) for last in ("a", "bc"))
    assert one == other


def test_a_sample_of_customers_is_the_same_at_every_run():
    asked = [question(Case("made", repeating()).earlier(), most=7) for _ in range(2)]
    assert [len(q.wanted[ALL]) for q in asked] == [7, 7]
    assert asked[0].wanted == asked[1].wanted
    assert all(asked[0].baskets.customer_ids[row] == c for row, c in zip(asked[0].rows(ALL), asked[0].wanted[ALL], strict=True))
    assert set(asked[0].wanted) == set(MODES)
