import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import InputError
from training.segments.rfm import NO_PURCHASE, RfmEdges, load_segments, rfm_edges, rfm_scores, segment_of, segments_of

RULES = load_segments()
BEST_FIRST = {
    "champions": 0,
    "loyal": 1,
    "new customers": 1,
    "potential loyalists": 1,
    "promising": 2,
    "need attention": 2,
    "about to sleep": 3,
}
BEST_FIRST |= {"at risk": 3, "can't lose them": 3, "hibernating": 4, "lost": 5}


def customers(*rows: tuple[float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["days_since_last_order", "order_day_count", "value_total"], dtype=float)


def fifths() -> pd.DataFrame:
    """Ten customers, two on every score; who buys more recently buys more often and for more."""
    return customers(*((10.0 * i, 11.0 - i, 100.0 * (11 - i)) for i in range(1, 11)))


def test_scores_are_fifths_of_the_shops_own_customers() -> None:
    shop = fifths()
    edges = rfm_edges(shop)
    assert edges == RfmEdges((20.0, 40.0, 60.0, 80.0), (2.0, 4.0, 6.0, 8.0), (200.0, 400.0, 600.0, 800.0))
    for name in ("recency_score", "frequency_score", "money_score"):
        assert rfm_scores(shop, edges)[name].tolist() == [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]


EXAMPLES = {
    "champions": (15.0, 9.0, 900.0),
    "can't lose them": (85.0, 9.0, 900.0),
    "loyal": (55.0, 9.0, 100.0),
    "new customers": (15.0, 1.0, 900.0),
    "promising": (55.0, 1.0, 500.0),
    "potential loyalists": (15.0, 3.0, 900.0),
    "need attention": (55.0, 3.0, 100.0),
    "at risk": (85.0, 5.0, 100.0),
    "about to sleep": (75.0, 3.0, 100.0),
    "hibernating": (85.0, 3.0, 100.0),
    "lost": (85.0, 1.0, 100.0),
    NO_PURCHASE: (np.nan, 0.0, np.nan),
}


def test_every_segment_has_its_customer() -> None:
    assert set(EXAMPLES) == set(RULES.names)
    assert segments_of(customers(*EXAMPLES.values()), rfm_edges(fifths()), RULES).tolist() == list(EXAMPLES)


def test_a_shop_of_one_time_buyers_has_no_loyal_ones() -> None:
    shop = customers(*((float(i), 1.0, 50.0) for i in range(1, 101)))
    found = segments_of(shop, rfm_edges(shop), RULES)
    assert set(found) == {"new customers", "about to sleep", "hibernating", "lost"}
    assert found.iloc[:40].eq("new customers").all()


def test_equal_customers_are_in_one_segment_and_one_alone_is_in_some() -> None:
    shop = customers(*[(5.0, 3.0, 20.0)] * 50)
    assert segments_of(shop, rfm_edges(shop), RULES).nunique() == 1
    one = customers((5.0, 3.0, 20.0))
    assert segments_of(one, rfm_edges(one), RULES).tolist() == ["potential loyalists"]
    nobody = customers((np.nan, np.nan, np.nan))
    assert segments_of(nobody, rfm_edges(nobody), RULES).tolist() == [NO_PURCHASE]
    assert segments_of(nobody.iloc[:0], rfm_edges(nobody), RULES).empty


DAYS = st.one_of(st.sampled_from([0.5, 1.0, 30.0, 400.0]), st.floats(0.01, 1000.0))
ROW = st.one_of(
    st.tuples(DAYS, st.sampled_from([1.0, 1.0, 2.0, 5.0, 40.0]), st.sampled_from([0.0, 9.99, 100.0, 1e9, -3.0])),
    st.just((np.nan, np.nan, np.nan)),
)


@given(st.lists(ROW, min_size=1, max_size=40))
def test_everybody_is_in_one_segment_online_as_in_the_table(rows: list[tuple[float, float, float]]) -> None:
    shop = customers(*rows)
    edges = RfmEdges.from_json(json.loads(json.dumps(rfm_edges(shop).to_json())))
    assert edges == rfm_edges(shop)
    found = segments_of(shop, edges, RULES)
    assert set(found) <= set(RULES.names)
    assert found.tolist() == [segment_of(row, edges, RULES) for row in shop.to_dict("records")]
    assert (found == NO_PURCHASE).tolist() == shop["order_day_count"].isna().tolist()


@given(st.lists(ROW, min_size=5, max_size=40), ROW.filter(lambda row: row[0] == row[0]), st.lists(DAYS, min_size=2, max_size=8))
def test_a_newer_order_never_makes_a_segment_worse(
    rows: list[tuple[float, float, float]], mine: tuple[float, float, float], days: list[float]
) -> None:
    edges = rfm_edges(customers(*rows))
    rising = segments_of(customers(*((day, *mine[1:]) for day in sorted(days))), edges, RULES).map(BEST_FIRST)
    assert rising.is_monotonic_increasing


@pytest.mark.parametrize(
    "text",
    [
        "",
        "segments: []",
        "segments: [{segment: a, when: recency_score > 1}]",
        "segments: [{segment: a}, {segment: b}]",
        "segments: [{segment: a, when: moon > 1}, {segment: b}]",
        "segments: [{segment: a, if: recency_score > 1}, {segment: b}]",
        "segments: [",
    ],
)
def test_segments_that_make_no_sense_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "segments.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"segments\.yaml"):
        load_segments(path)


def test_the_guide_tells_the_default_rules_in_their_order() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "segments.md").read_text()
    told = re.findall(r"^\| ([^|`]+) \| `([^|]+)` \|", guide.split("## Personas")[0].split("| segment | rule")[1], flags=re.MULTILINE)
    assert told == [(name, rule.text) for name, rule in RULES.rules]
    assert f"| {RULES.otherwise} | everybody else who bought |" in guide
    assert f"| {NO_PURCHASE} |" in guide
