"""Many lists at once are each list alone."""

from collections import Counter
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisions.merchandising import PINNED, UNRANKED, Exclusions, Rules, arrange, prepare, product_range
from decisions.merchandising.batch import arrange_lists
from decisions.merchandising.rules import Boost, Caps, Pin, Selection

AT = datetime(2025, 6, 1)
IDS = [f"p{i}" for i in range(8)]
RANGE = product_range(
    IDS[:7],
    pd.DataFrame({"product_id": IDS, "category": list("AABBCCAA"), "brand": list("xyxyxyxy"), "available": [True] * 6 + [False, True]}),
)
RULES = {
    "none": Rules(),
    "pins": Rules(pins=(Pin("p7", 1), Pin("p2", 3))),
    "all": Rules(diversity=0.5, caps=Caps(2, None), pins=(Pin("p7", 2),), boosts=(Boost(Selection(brands=("y",)), 3.0),)),
}


@given(
    st.lists(st.lists(st.sampled_from(IDS[:7]), min_size=1, max_size=7, unique=True), min_size=1, max_size=5),
    st.sampled_from(sorted(RULES)),
    st.integers(1, 6),
    st.lists(st.sampled_from(IDS), max_size=2).map(frozenset),
)
def test_many_lists_are_each_list_alone(candidates, which, n, excluded):
    plan = prepare(RANGE, RULES[which], at=AT)
    rows = [(f"c{c}", p, r + 1, float(len(own) - r), "recall", "7") for c, own in enumerate(candidates) for r, p in enumerate(own)]
    lists = pd.DataFrame(rows, columns=["customer_id", "product_id", "rank", "score", "source", "model_version"])
    exclusions = {"c1": Exclusions(excluded), "stranger": Exclusions(frozenset(IDS))}
    before = lists.copy()
    found, removed = arrange_lists(plan, lists, n, exclusions)
    pd.testing.assert_frame_equal(lists, before)
    expected, counted = [], Counter()
    for c, own in enumerate(candidates):
        scores = [float(len(own) - r) for r in range(len(own))]
        one = arrange(plan, own, scores, n, exclusions=exclusions.get(f"c{c}", Exclusions()))
        counted += one.removed
        for rank, (product_id, place) in enumerate(zip(one.product_ids, one.places, strict=True), start=1):
            ranked = place != UNRANKED
            expected.append((f"c{c}", product_id, rank, scores[place] if ranked else np.nan, "recall" if ranked else PINNED, "7"))
    pd.testing.assert_frame_equal(found, pd.DataFrame(expected, columns=lists.columns).astype(lists.dtypes.to_dict()))
    assert removed == counted


def test_nobody_has_no_lists():
    nobody = pd.DataFrame({"customer_id": [], "product_id": [], "rank": [], "score": [], "source": []}).astype(
        {"rank": "int64", "score": float}
    )
    found, removed = arrange_lists(prepare(RANGE, RULES["all"], at=AT), nobody, 5, {})
    assert found.empty
    assert list(found.columns) == list(nobody.columns)
    assert removed == {}


@pytest.mark.parametrize(("which", "depth"), [("none", 10), ("pins", 10), ("all", 100)])
def test_only_what_rearranges_asks_for_more(which, depth):
    plan = prepare(RANGE, RULES[which], at=AT)
    assert plan.depth(10) == depth
    assert plan.depth(80) == {10: 80, 100: 240}[depth]
    assert plan.idle == (which == "none")
