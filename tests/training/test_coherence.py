"""Two models about one customer must not contradict each other."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.coherence import coherent_orders

shares = st.floats(0, 1)


@given(st.lists(st.tuples(st.floats(0, 50), shares), min_size=1))
def test_expected_orders_are_never_below_the_chance_of_one(rows):
    orders, churn = np.array(rows).T
    found = coherent_orders(orders, churn)
    assert (found >= 1 - churn).all()
    assert (found >= orders).all()
    assert np.array_equal(found[orders >= 1 - churn], orders[orders >= 1 - churn])


def test_a_missing_value_stays_missing():
    assert np.isnan(coherent_orders([np.nan], [0.5])).all()
