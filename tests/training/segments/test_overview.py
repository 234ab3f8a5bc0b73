import numpy as np
import pandas as pd
import pytest

from training.segments.overview import COLUMNS, overview

FEATURES = pd.DataFrame(
    {"days_since_last_order": [1.0, 3.0, 50.0, 70.0], "order_day_count": [9.0, 5.0, 1.0, 2.0], "value_total": [60.0, 20.0, 15.0, 5.0]}
)


def test_groups_stand_in_order_with_their_numbers() -> None:
    table = overview(FEATURES, pd.Series(["b", "b", "a", "z"]), pd.Series([0.1, 0.3, 0.9, 0.8]), ("none", "b", "a"))
    assert table.group.tolist() == ["b", "a", "z"], "an unnamed one is last, an empty one is none"
    assert tuple(table.columns) == COLUMNS
    assert table.iloc[0].tolist() == ["b", 2, 0.5, 2.0, 7.0, 40.0, 0.8, pytest.approx(0.2)]
    assert table.share.sum() == table.value_share.sum() == 1.0


def test_without_probabilities_groups_or_spending_the_rest_stands() -> None:
    table = overview(FEATURES.assign(value_total=0.0), pd.Series(["a", None, "a", None]), None, ("a",))
    assert table.customers.tolist() == [2]
    assert np.isnan(table.churn_probability[0])
    assert np.isnan(table.value_share[0])
    assert overview(FEATURES.iloc[:0], pd.Series([], dtype="str"), None, ("a",)).empty
