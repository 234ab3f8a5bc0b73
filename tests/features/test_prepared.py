"""A prepared condition answers as `Condition.one` does, whatever the values are."""

import math
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.expressions import COMPARISONS, Comparison, Condition, Constant, Either, Every, Name, Opposite, Truth
from features.prepared import prepared

NUMBERS = (0.0, 1.0, 2.5, -1.0)
VALUES = st.sampled_from(
    [*NUMBERS, math.nan, math.inf, None, "", "1", "tea", 1, True, np.float64(1), np.bool_(True), pd.NA, pd.NaT, datetime(2024, 1, 1)]
)
CONSTANTS = st.builds(Constant, st.sampled_from([*NUMBERS, "tea", "1"]))
NAMES = st.sampled_from(["a", "b", "never"]).map(Name)
LEAVES = st.one_of(
    st.builds(Comparison, st.sampled_from(sorted(COMPARISONS)), NAMES, CONSTANTS),
    st.builds(Comparison, st.sampled_from(sorted(COMPARISONS)), CONSTANTS, NAMES),
    st.builds(Comparison, st.sampled_from(sorted(COMPARISONS)), NAMES, NAMES),
    st.builds(Truth, NAMES),
)


def _of(parts: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(Opposite, parts), st.builds(Every, several), st.builds(Either, several))


CONDITIONS: st.SearchStrategy[Condition] = st.recursive(LEAVES, _of, max_leaves=6)


@given(CONDITIONS, st.lists(st.fixed_dictionaries({"a": VALUES, "b": VALUES}), min_size=5, max_size=10))
def test_it_answers_as_the_condition(condition: Condition, rows: list[dict[str, object]]) -> None:
    test = prepared(condition)
    for values in rows:
        assert test(values) is condition.one(values)


@pytest.mark.parametrize("sign", sorted(COMPARISONS))
@pytest.mark.parametrize("value", [math.nan, None, "1", 1, True, 0.0, 1.0, 2.0, pd.NA])
def test_every_kind_of_value_is_compared_as_before(sign: str, value: object) -> None:
    condition = Comparison(sign, Name("a"), Constant(1.0))
    assert prepared(condition)({"a": value}) is condition.one({"a": value})
    assert prepared(Opposite(condition))({}) is True
