import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from features.errors import InputError
from training.affinity.exact_search import FIRST, HEAD, ExactSearch
from training.affinity.product_index import APPROXIMATE, EXACT, LEAST_RECALL, WIDTHS, ProductIndex, build_index, gated, recall_of
from training.affinity.proximity_graph import ProximityGraph, lifted

STEPS = st.integers(-3, 3).map(lambda step: step / 2)  # ties, zeros and opposites are frequent


def in_full(vectors, query, k, allowed=None):
    """Every score, sorted by falling score and column."""
    scores = [float(row @ query) for row in vectors.astype(np.float64)]
    columns = [c for c in range(len(vectors)) if allowed is None or allowed[c]]
    return sorted(columns, key=lambda c: (-scores[c], c))[: max(k, 0)]


def long_tail(products, rng, factors=8, exponent=0.7):
    """Vectors in every direction, of which few are long."""
    directions = rng.normal(size=(products, factors))
    return (directions / np.arange(1, products + 1)[:, None] ** exponent).astype(np.float32)


@given(data=st.data(), products=st.integers(8, 40), factors=st.integers(1, 4), k=st.integers(0, 45), masked=st.booleans())
@settings(max_examples=300)
def test_the_best_are_those_that_sorting_every_score_gives(data, products, factors, k, masked):
    vectors = data.draw(arrays(np.float32, (products, factors), elements=STEPS))
    query = data.draw(arrays(np.float32, factors, elements=STEPS))
    allowed = data.draw(arrays(bool, products)) if masked else None
    columns, scores = build_index(vectors, query[None], threads=1, seed=0).top(query[None], k, allowed)
    assert columns[0].tolist() == in_full(vectors, query, k, allowed)
    assert scores[0].tolist() == [float(vectors[c] @ query) for c in columns[0]]


def long_enough(vectors, query, scores, k):
    """How many products are long enough to beat the k-th best of the longest FIRST."""
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    longest = np.argsort(-lengths, kind="stable")[:FIRST]
    return np.count_nonzero(lengths * np.linalg.norm(query.astype(np.float64)) * 1.00001 >= np.sort(scores[longest])[-k])


@pytest.mark.parametrize("shortest", [None, 0.2, 1.0])
def test_a_search_that_ends_early_misses_nothing(shortest):
    rng = np.random.default_rng(1)
    vectors = rng.permutation(long_tail(HEAD + 20_000, rng))
    whole = shortest == 1.0  # all of one length: none can be left out
    if shortest is not None:
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) * np.linspace(1.0, 1.0 / shortest, len(vectors))[:, None]
    search = ExactSearch.over(vectors)
    allowed = rng.random(len(vectors)) < 0.3
    for query in rng.normal(size=(20, 8)).astype(np.float32):
        for mask in (None, allowed):
            found = search.top(query, 50, mask)
            scores = (vectors.astype(np.float64) * query).sum(axis=1)
            if mask is not None:
                scores[~mask] = -np.inf
            assert found.columns.tolist() == np.lexsort((np.arange(len(scores)), -scores))[:50].tolist()
            assert (found.looked_at == len(vectors)) if whole else (FIRST <= found.looked_at <= HEAD // 2)
            assert found.looked_at <= max(FIRST, long_enough(vectors, query, scores, 50))


def test_equal_products_come_by_column_however_many_there_are():
    vectors = np.zeros((2 * HEAD + 5, 3), np.float32)
    vectors[7] = vectors[3] = [1, 2, 3]
    found = ExactSearch.over(vectors).top(np.asarray([1, 1, 1], np.float32), 6)
    assert found.columns.tolist() == [3, 7, 0, 1, 2, 4]
    assert found.scores.tolist() == [6, 6, 0, 0, 0, 0]


def test_a_query_of_zeros_gets_the_first_columns():
    index = build_index(long_tail(30, np.random.default_rng(0)), np.zeros((2, 8), np.float32), threads=1, seed=0)
    assert index.top(np.zeros((1, 8), np.float32), 3)[0].tolist() == [[0, 1, 2]]
    assert index.top(np.zeros((1, 8), np.float32), 3, np.arange(30) % 10 == 4)[0].tolist() == [[4, 14, 24]]


def test_an_empty_range_and_no_queries():
    nothing = build_index(np.zeros((0, 4), np.float32), np.ones((2, 4), np.float32), threads=1, seed=0)
    assert nothing.top(np.ones((2, 4), np.float32), 5)[0].shape == (2, 0)
    some = build_index(np.ones((3, 4), np.float32), np.zeros((0, 4), np.float32), threads=1, seed=0)
    columns, scores = some.top(np.zeros((0, 4), np.float32), 2)
    assert columns.shape == scores.shape == (0, 2)
    assert some.top(np.ones((1, 4), np.float32), 2, np.zeros(3, bool))[0].shape == (1, 0)


@given(vectors=arrays(np.float32, st.tuples(st.integers(5, 30), st.just(3)), elements=STEPS), query=arrays(np.float32, 3, elements=STEPS))
def test_distance_in_one_more_dimension_orders_as_the_inner_product(vectors, query):
    distances = ((lifted(vectors).astype(np.float64) - np.append(query, 0.0)) ** 2).sum(axis=1)
    longest = (vectors.astype(np.float64) ** 2).sum(axis=1).max()
    expected = (query.astype(np.float64) ** 2).sum() + longest - 2 * vectors.astype(np.float64) @ query
    assert distances == pytest.approx(expected, abs=1e-4)


@pytest.fixture(scope="module")
def graphed():
    """An index of 3,000 products that has to use its graph, with its vectors and queries."""
    rng = np.random.default_rng(2)
    vectors, queries = long_tail(3000, rng, exponent=0.1), rng.normal(size=(60, 8)).astype(np.float32)
    return build_index(vectors, queries, threads=1, seed=3, cheap=100), vectors, queries


def test_a_graph_is_used_where_exact_searches_are_dear(graphed):
    index, vectors, queries = graphed
    assert index.kind == APPROXIMATE
    assert index.looked_at > 100
    assert index.recall >= LEAST_RECALL
    columns, scores = index.top(queries, 20)
    truth = [in_full(vectors, query, 20) for query in queries]
    assert np.mean([len(set(c) & set(t)) / 20 for c, t in zip(columns.tolist(), truth, strict=True)]) >= LEAST_RECALL
    assert (np.diff(scores, axis=1) <= 0).all()
    assert scores == pytest.approx(np.take_along_axis(queries @ vectors.T, columns, axis=1), abs=1e-5)


def test_a_graph_that_finds_too_little_is_refused(graphed):
    _, vectors, queries = graphed
    exact = ExactSearch.over(vectors)
    best = [exact.top(query, 200).columns for query in queries]
    strangers = ProximityGraph.over(vectors[::-1].copy(), width=50, threads=1, rng=np.random.default_rng(0))
    refused = gated(exact, strangers, queries, best, 3000.0)
    assert refused.kind == EXACT
    assert refused.recall is None
    assert refused.refused_recall == recall_of(strangers.with_width(WIDTHS[-1]), queries, best) < 0.5
    assert f"{refused.refused_recall:.3f}" in refused.reason
    assert refused.top(queries[:1], 20)[0].tolist() == [in_full(vectors, queries[0], 20)]


def test_a_wider_walk_finds_more(graphed):
    _, vectors, queries = graphed
    exact = ExactSearch.over(vectors)
    best = [exact.top(query, 20).columns for query in queries]
    graph = ProximityGraph.over(vectors, width=20, threads=1, rng=np.random.default_rng(0))
    assert recall_of(graph.with_width(1), queries, best) < recall_of(graph.with_width(400), queries, best)
    assert gated(exact, graph, queries, best, 3000.0).graph.width == WIDTHS[0]


@pytest.mark.parametrize("share", [0.5, 0.01, 0.0])
def test_what_may_not_be_named_is_not_and_lists_are_full(graphed, share):
    index, vectors, queries = graphed
    allowed = np.random.default_rng(4).random(len(vectors)) < share
    columns, _ = index.top(queries, 25, allowed)
    assert columns.shape == (60, min(25, allowed.sum()))
    assert allowed[columns].all()
    assert all(len(set(row)) == len(row) for row in columns.tolist())
    if share < 0.1:  # the graph does not meet enough of them: exact
        assert columns.tolist() == [in_full(vectors, query, 25, allowed) for query in queries]


def test_lists_longer_than_measured_and_longer_than_the_range_are_exact(graphed):
    index, vectors, queries = graphed
    strangers = ProximityGraph.over(vectors[::-1].copy(), width=400, threads=1, rng=np.random.default_rng(0))
    index = replace(index, graph=strangers)
    assert index.top(queries[:1], 200)[0].tolist() != [in_full(vectors, queries[0], 200)]
    assert index.top(queries[:2], 300)[0].tolist() == [in_full(vectors, query, 300) for query in queries[:2]]
    assert index.top(queries[:1], 5000)[0].tolist() == [in_full(vectors, queries[0], 5000)]


def test_the_same_seed_gives_the_same_index(graphed):
    index, vectors, queries = graphed
    again = build_index(vectors, queries, threads=1, seed=3, cheap=100)
    assert again.recall == index.recall
    assert np.array_equal(again.top(queries, 100)[0], index.top(queries, 100)[0])


def test_a_read_index_answers_as_the_written_one(graphed, tmp_path):
    index, vectors, queries = graphed
    for number, one in enumerate((index, build_index(vectors, queries, threads=1, seed=3))):
        folder = tmp_path / str(number)
        folder.mkdir()
        one.write(folder)
        read = ProductIndex.read(folder, vectors)
        assert (read.kind, read.recall, read.looked_at, read.reason) == (one.kind, one.recall, one.looked_at, one.reason)
        for column, score in zip(read.top(queries, 50), one.top(queries, 50), strict=True):
            assert np.array_equal(column, score)


def test_an_index_of_other_products_is_refused(graphed, tmp_path):
    index, vectors, _ = graphed
    with pytest.raises(InputError, match="no index"):
        ProductIndex.read(tmp_path, vectors)
    index.write(tmp_path)
    with pytest.raises(InputError, match="2,999 products"):
        ProductIndex.read(tmp_path, vectors[1:])


def test_without_usearch_searches_are_exact_and_say_so(graphed, tmp_path, monkeypatch):
    index, vectors, queries = graphed
    index.write(tmp_path)
    monkeypatch.setitem(sys.modules, "usearch.index", None)
    plain = build_index(vectors, queries, threads=1, seed=3, cheap=100)
    assert plain.kind == EXACT
    assert "usearch is not installed" in plain.reason
    with pytest.raises(InputError, match="usearch is not installed"):
        ProductIndex.read(tmp_path, vectors)
