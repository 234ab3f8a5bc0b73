"""Candidates against naive sorting: the first of every source, fused by their ranks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from training.affinity.candidates import DEPTH, MOST, K, candidates, first

STEPS = st.integers(0, 3).map(lambda step: step / 4)  # zeros and ties are frequent


def first_in_full(scores, depth):
    return sorted((c for c in range(len(scores)) if scores[c] > 0), key=lambda c: (-scores[c], c))[:depth]


def chosen_in_full(said, depth, most):
    """Column to its worth at each source, for one customer's scores."""
    worth = {}
    for at, scores in enumerate(said):
        for rank, column in enumerate(first_in_full(scores, depth)):
            worth.setdefault(column, [0.0] * len(said))[at] = 1.0 / (K + rank)
    kept = sorted(worth, key=lambda c: (-np.sum(np.array(worth[c], np.float32)), c))[:most]
    return {c: worth[c] for c in sorted(kept)}


@given(data=st.data(), scores=arrays(np.float32, st.integers(1, 30), elements=STEPS), depth=st.integers(0, 35))
@settings(max_examples=300, deadline=None)
def test_the_first_are_those_that_sorting_gives(data, scores, depth):
    assert first(scores, depth).tolist() == first_in_full(scores, depth)
    allowed = data.draw(arrays(bool, len(scores)))
    assert first(scores, depth, allowed).tolist() == first_in_full(np.where(allowed, scores, 0.0), depth)


@given(
    data=st.data(),
    sources=st.integers(1, 4),
    customers=st.integers(1, 3),
    products=st.integers(2, 12),
    depth=st.integers(1, 13),
    most=st.integers(1, 13),
    kind=st.sampled_from(["open", "one mask for all", "each their own"]),
)
@settings(max_examples=250, deadline=None)
def test_candidates_are_the_best_of_every_source_fused_by_rank(data, sources, customers, products, depth, most, kind):
    said = [data.draw(arrays(np.float32, (customers, products), elements=STEPS)) for _ in range(sources)]
    shape = (customers if kind == "each their own" else 1, products)
    blocked = None if kind == "open" else data.draw(arrays(bool, shape))
    ready = [[np.array(first_in_full(row, products), np.int64) for row in said[0]], *[None] * (sources - 1)]
    for orders in (None, ready):
        found = candidates(said, orders=orders, blocked=blocked, depth=depth, most=most)
        assert found.ranks.dtype == np.float32
        assert found.ranks.shape == (len(found.row), sources)
        for row in range(customers):
            gone = np.zeros(products, bool) if blocked is None else blocked[row % len(blocked)]
            expected = chosen_in_full([np.where(gone, 0.0, scores[row]) for scores in said], depth, most)
            mine = found.row == row
            assert found.column[mine].tolist() == list(expected)
            assert found.ranks[mine] == pytest.approx(np.array(list(expected.values())).reshape(-1, sources))
            assert not gone[found.column[mine]].any()
        assert (np.diff(found.row) >= 0).all()


def test_a_source_that_has_nothing_left_in_its_first_products_goes_deeper():
    said = [np.linspace(1.0, 0.1, 900, dtype=np.float32)[None, :]]
    order = [[np.arange(900)]]
    blocked = np.zeros((1, 900), bool)
    blocked[0, :700] = True
    assert candidates(said, orders=order, blocked=blocked).column.tolist() == list(range(700, 700 + DEPTH))
    blocked[0, :890] = True
    assert candidates(said, orders=order, blocked=blocked).column.tolist() == list(range(890, 900))


def test_the_worth_of_ranks_adds_up_over_sources():
    said = [np.array([[0.9, 0.8, 0.0]], np.float32), np.array([[0.0, 0.8, 0.1]], np.float32)]
    found = candidates(said)
    assert found.ranks == pytest.approx(np.array([[1 / 5, 0], [1 / 6, 1 / 5], [0, 1 / 6]]))
    assert candidates(said, most=1).column.tolist() == [1]


def test_there_are_as_many_candidates_as_are_asked_for():
    rng = np.random.default_rng(1)
    said = [rng.random((2, 3000)).astype(np.float32) for _ in range(3)]
    assert np.bincount(candidates(said).row).tolist() == [MOST, MOST]
    assert np.bincount(candidates(said, depth=1500, most=2500).row).tolist() == [2500, 2500]
    assert candidates([np.zeros((4, 5), np.float32)]).row.tolist() == []
