"""What customers looked at, where they are, and the range: known before as_of, and from the moment that tells whose it was."""

from datetime import datetime, timedelta

import pandas as pd
import pytest

from features.engine import tables_from_frames
from features.interaction_tables import CARTED, INTEREST, REMOVED, VIEWED, Interactions
from features.interactions import interactions, interest, places, products

CUT = datetime(2025, 3, 1)
EVENTS = ["customer_id", "visitor_id", "event_type", "product_id", "occurred_at"]
INSTANT = timedelta(microseconds=1)


def at(**ago):
    return CUT - timedelta(**ago)


def events(*rows):
    frame = pd.DataFrame([dict(zip(EVENTS, row, strict=True)) for row in rows])
    return tables_from_frames({"events": frame.assign(event_id=[f"e{i}" for i in range(len(rows))])})


def rows_of(table):
    return list(table.itertuples(index=False, name=None))


def test_every_kind_of_interest_that_names_a_product_counts_in_the_order_of_time():
    told = [("a", None, kind, "tea", at(days=i + 1)) for i, kind in enumerate(INTEREST)]
    others = [
        ("a", None, "page_view", "tea", at(days=1)),
        ("a", None, "purchase", "tea", at(days=1)),
        ("a", None, "product_view", None, at(days=1)),
    ]
    table = interest(events(*told, *others), CUT)
    assert list(table.columns) == ["customer_id", "product_id", "event_type", "occurred_at"]
    assert rows_of(table) == [("a", "tea", kind, pd.Timestamp(when)) for _, _, kind, _, when in reversed(told)]
    assert str(table.occurred_at.dtype) == "datetime64[us]"
    assert set(INTEREST) == {*VIEWED, *CARTED, *REMOVED}


def test_one_row_for_each_event():
    table = interest(events(*[("a", None, "product_view", "tea", at(days=2))] * 3), CUT)
    assert len(table) == 3


def test_the_future_is_not_seen():
    told = events(
        ("a", None, "product_view", "tea", CUT - INSTANT),
        ("a", None, "product_view", "cup", CUT),
        ("a", None, "add_to_cart", "tea", at(days=-1)),
    )
    assert interest(told, CUT).product_id.tolist() == ["tea"]
    assert interest(told, CUT + INSTANT).product_id.tolist() == ["tea", "cup"]


def test_a_visitors_interest_counts_from_the_moment_that_tells_whose_it_was():
    told = events(
        (None, "v", "product_view", "tea", at(days=9)),
        ("a", "v", "identify", None, at(days=3)),
        (None, "v", "add_to_cart", "cup", at(days=1)),
        (None, "never", "product_view", "pot", at(days=5)),
    )
    assert rows_of(interest(told, CUT)) == [
        ("a", "tea", "product_view", pd.Timestamp(at(days=3))),
        ("a", "cup", "add_to_cart", pd.Timestamp(at(days=1))),
    ]
    assert interest(told, at(days=3)).empty, "as of then nobody knew"
    assert interest(told, at(days=3) + INSTANT).product_id.tolist() == ["tea"]


def test_who_is_identified_later_is_left_out():
    told = events((None, "v", "product_view", "tea", at(days=9)), ("a", "v", "identify", None, CUT))
    assert interest(told, CUT).empty
    assert rows_of(interest(told, CUT + INSTANT)) == [("a", "tea", "product_view", pd.Timestamp(CUT))]


def test_the_first_identification_counts():
    told = events(
        ("b", "v", "identify", None, at(days=2)), ("a", "v", "identify", None, at(days=4)), (None, "v", "product_view", "tea", at(days=1))
    )
    assert interest(told, CUT).customer_id.tolist() == ["a"]


LISTED = [
    {
        "product_id": "cup",
        "name": "Rose Cup",
        "category": "Kitchen > Cups",
        "brand": "Ada",
        "list_price": 4.5,
        "available_from": at(days=9),
    },
    {"product_id": "pot", "name": None, "category": None, "brand": None, "list_price": None, "available_from": None},
    {"product_id": "new", "name": "New", "category": None, "brand": None, "list_price": 1.0, "available_from": CUT},
]


def test_the_range_is_what_is_available_before():
    tables = tables_from_frames({"products": pd.DataFrame(LISTED)})
    table = products(tables, CUT)
    assert list(table.columns) == ["product_id", "name", "category", "brand", "list_price", "available_from", "product_line"]
    assert table.product_id.tolist() == ["cup", "pot"]
    assert rows_of(table)[0] == ("cup", "Rose Cup", "Kitchen > Cups", "Ada", 4.5, pd.Timestamp(at(days=9)), "")
    assert table.iloc[1][["name", "category", "brand", "product_line"]].tolist() == [""] * 4
    assert table.iloc[1][["list_price", "available_from"]].isna().all()
    assert products(tables, CUT + INSTANT).product_id.tolist() == ["cup", "new", "pot"]
    assert products(tables, at(days=9)).product_id.tolist() == ["pot"], "the moment itself is after"


@pytest.mark.parametrize(("line", "read"), [(["rose", None, "x"], ["rose", ""]), ([7, 8, 9], ["7", "8"])])
def test_a_column_of_the_shops_own_names_lines(line, read):
    table = products(tables_from_frames({"products": pd.DataFrame(LISTED).assign(product_line=line)}), CUT)
    assert table.product_line.tolist() == read


def test_places_are_the_countries_of_those_who_have_one():
    rows = [("b", "VN"), ("a", "FR"), ("c", None), ("d", "")]
    table = places(tables_from_frames({"customers": pd.DataFrame(rows, columns=["customer_id", "country"])}))
    assert rows_of(table) == [("a", "FR"), ("b", "VN")]
    assert list(table.columns) == ["customer_id", "place"]


def test_a_shop_with_nothing_has_empty_tables_with_every_column():
    known = interactions(tables_from_frames({}), CUT)
    empty = Interactions(known.purchases)
    for name in ("interest", "products", "places"):
        assert getattr(known, name).empty
        assert getattr(known, name).dtypes.to_dict() == getattr(empty, name).dtypes.to_dict()


def test_before_is_the_same_known_earlier():
    orders = pd.DataFrame(
        {"customer_id": "a", "order_id": ["1", "2", "3"], "product_id": "cup", "ordered_at": [at(days=20), at(days=5), at(days=1)]}
    )
    looked = [("a", None, "product_view", "tea", when) for when in (at(days=20), at(days=5), at(days=1))]
    told = pd.DataFrame([dict(zip(EVENTS, row, strict=True)) for row in looked]).assign(event_id=["x", "y", "z"])
    customers = pd.DataFrame({"customer_id": ["a"], "country": ["FR"]})
    tables = tables_from_frames(
        {"orders": orders.assign(line_kind="sale"), "events": told, "products": pd.DataFrame(LISTED), "customers": customers}
    )
    known = interactions(tables, CUT + timedelta(days=1))
    assert [len(t) for t in (known.purchases, known.interest, known.products, known.places)] == [3, 3, 3, 1]
    for earlier in (at(days=5), at(days=5) + INSTANT, at(days=9), CUT, at(days=30)):
        cut, again = known.before(earlier), interactions(tables, earlier)
        for name in ("purchases", "interest", "products", "places"):
            pd.testing.assert_frame_equal(getattr(cut, name).reset_index(drop=True), getattr(again, name), obj=name)
    assert len(known.before(at(days=5)).purchases) == 1
    assert len(known.before(at(days=5) + INSTANT).interest) == 2
