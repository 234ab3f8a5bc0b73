"""Neighbours of products against brute force, and what they say of customers against a dense product."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_matrix

from training.affinity.sources import neighbourhood
from training.affinity.sources.neighbourhood import near_arrays, nearest, nearness, read_near, spread

STEPS = st.integers(0, 4).map(lambda step: step / 4)  # zeros and ties are frequent


def in_full(left, right, most, *, to_itself):
    """Every value of left' right, of which each row keeps its largest, equals in the order of columns."""
    across = left.T @ right
    kept = np.zeros_like(across)
    for i in range(len(across)):
        wanted = [j for j in range(across.shape[1]) if across[i, j] > 0 and (to_itself or i != j)]
        for j in sorted(wanted, key=lambda j: (-across[i, j], j))[:most]:
            kept[i, j] = across[i, j]
    return kept


@given(data=st.data(), rows=st.integers(1, 6), products=st.integers(1, 12), most=st.integers(1, 13), to_itself=st.booleans())
@settings(max_examples=200, deadline=None)
def test_the_nearest_are_those_that_sorting_every_value_gives(data, rows, products, most, to_itself):
    left, right = (data.draw(arrays(np.float32, (rows, products), elements=STEPS)) for _ in range(2))
    found = nearest(csr_matrix(left), csr_matrix(right), most, to_itself=to_itself)
    assert found.toarray().tolist() == in_full(left, right, most, to_itself=to_itself).tolist()
    read = read_near(near_arrays(found))
    assert read.toarray().tolist() == found.toarray().tolist()


@pytest.mark.parametrize("cells", [1, 30, 7 * 10, 10_000])
@pytest.mark.parametrize("to_itself", [False, True])
def test_blocks_of_rows_change_nothing(monkeypatch, cells, to_itself):
    monkeypatch.setattr(neighbourhood, "CELLS", cells)
    table = np.random.default_rng(1).integers(0, 3, (9, 10)).astype(np.float32)
    found = nearest(csr_matrix(table), csr_matrix(table[::-1].copy()), 4, to_itself=to_itself)
    assert found.toarray().tolist() == in_full(table, table[::-1], 4, to_itself=to_itself).tolist()


@given(data=st.data(), customers=st.integers(1, 5), products=st.integers(1, 8))
@settings(max_examples=150, deadline=None)
def test_what_neighbours_say_is_a_product_of_tables(data, customers, products):
    near = data.draw(arrays(np.float32, (products, products), elements=STEPS))
    own = data.draw(arrays(np.float64, (customers, products), elements=STEPS))
    row, column = np.nonzero(own)
    said = spread(row, column, own[row, column], csr_matrix(near), customers)
    assert said.shape == (customers, products)
    assert said == pytest.approx(own @ near)
    some = np.array(data.draw(st.lists(st.integers(0, products - 1), unique=True)), np.int64)
    assert nearness(column, some, csr_matrix(near)).tolist() == near[np.ix_(column, some)].tolist()
