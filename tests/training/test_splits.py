from datetime import datetime, timedelta
from itertools import pairwise

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from training.splits import customer_parts, time_folds

START = datetime(2024, 1, 1)


@given(days=st.sets(st.integers(0, 400), max_size=14), horizon=st.integers(1, 120), most=st.integers(1, 4))
def test_no_training_label_reaches_its_test_and_tests_do_not_overlap(days: set[int], horizon: int, most: int) -> None:
    folds = time_folds([START + timedelta(days=d) for d in days], horizon, most=most)
    window = timedelta(days=horizon)
    assert len(folds) <= most
    for fold in folds:
        assert fold.train
        assert all(cut + window <= fold.test for cut in fold.train)
    for earlier, later in pairwise(folds):
        assert earlier.test + window <= later.test


def test_the_newest_cutoff_is_tested_and_one_alone_gives_none() -> None:
    cuts = [START + timedelta(days=10 * i) for i in range(12)]
    folds = time_folds(cuts, 30)
    assert [f.test for f in folds] == [cuts[5], cuts[8], cuts[11]]
    assert folds[-1].train == tuple(cuts[:9])
    assert time_folds(cuts[:1], 30) == []


def test_a_customers_rows_stay_together_whatever_their_order() -> None:
    ids = pd.Series([f"c{i % 50}" for i in range(500)])
    parts = customer_parts(ids, 3)
    assert set(parts) == {0, 1, 2}
    assert pd.Series(parts).groupby(ids).nunique().eq(1).all()
    assert list(customer_parts(ids[::-1], 3)) == list(parts[::-1])
