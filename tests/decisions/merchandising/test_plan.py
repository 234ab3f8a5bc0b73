"""What may be shown: each filter at its border, the first reason counts, and an answer says until when it holds."""

import math
from collections import Counter
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from decisions.merchandising import REASONS, Exclusions, Filters, Rules, prepare, product_range
from decisions.merchandising.plan import Plan
from decisions.merchandising.rules import Block, Only, Pin, Scope, Selection

AT = datetime(2025, 6, 1, 12)
SECOND = timedelta(seconds=1)
ROWS = [
    # product_id, category, brand, list_price, available, available_from, stock
    ("tea", "Food > Drinks", "Leaf", 4.0, True, None, 5),
    ("coffee", "Food>Drinks ", "Bean", 9.0, None, AT, 1),
    ("rice", "Food", "Leaf", 2.0, True, AT + SECOND, 9),
    ("soap", "Bath", "Leaf", 3.0, False, AT + SECOND, 0),
    ("brush", "Bath > Hair", None, None, True, None, None),
    ("comb", None, "Fine", 5.0, True, None, 0),
    ("Foodie", "Foodie", "Bean", 6.0, True, AT - SECOND, 2),
]
FRAME = pd.DataFrame(ROWS, columns=["product_id", "category", "brand", "list_price", "available", "available_from", "stock"])
RANKED = ["rice", "tea", "comb", "unlisted", "coffee"]
RANGE = product_range(RANKED, FRAME)


def shown(rules: Rules = Rules(), filters: Filters = Filters(), **asked: object) -> set[str]:
    plan = prepare(RANGE, rules, filters, **{"at": AT, **asked})
    return {p for p, may in zip(RANGE.product_ids, plan.may_be_shown, strict=False) if may}


EVERYTHING = {"tea", "coffee", "rice", "soap", "brush", "comb", "Foodie", "unlisted"}


def test_the_default_rules_leave_out_what_cannot_be_bought():
    plan = prepare(RANGE, Rules(), at=AT)
    assert shown() == {"tea", "coffee", "brush", "Foodie", "unlisted"}
    assert plan.removed == {"not_yet_available": 1, "sold_out": 1, "low_stock": 1}
    assert shown(filters=Filters(in_stock=False)) == EVERYTHING
    assert shown(Rules(minimum_stock=0)) == shown() | {"comb"}
    assert shown(Rules(minimum_stock=2)) == shown() - {"coffee"}


def test_the_models_products_come_first_in_its_order_so_that_the_mask_is_what_it_takes():
    assert RANGE.product_ids[:5] == tuple(RANKED)
    plan = prepare(RANGE, Rules(), at=AT)
    assert plan.offered is not None
    assert plan.offered.tolist() == [False, True, False, True, True]
    assert prepare(RANGE, Rules(minimum_stock=0), at=AT + SECOND).offered is None, "None is all of them"


def test_a_category_holds_those_below_it_however_its_path_is_spaced():
    anything = Filters(in_stock=False)
    assert shown(filters=Filters(("Food",), in_stock=False)) == {"tea", "coffee", "rice"}
    assert shown(filters=Filters(("Food>Drinks",), in_stock=False)) == {"tea", "coffee"}
    assert shown(filters=Filters(("Drinks",), in_stock=False)) == set()
    assert shown(Rules(blocks=(Block(Selection(categories=("Food", "Bath > Hair"))),)), anything) == {"soap", "comb", "Foodie", "unlisted"}


def test_brands_and_prices_filter_what_is_not_known_out():
    assert shown(filters=Filters(brands=("Leaf", "Fine"), in_stock=False)) == {"tea", "rice", "soap", "comb"}
    assert shown(filters=Filters(minimum_price=3.0, maximum_price=5.0, in_stock=False)) == {"tea", "soap", "comb"}
    assert shown(filters=Filters(maximum_price=3.0, in_stock=False)) == {"rice", "soap"}
    counted = prepare(RANGE, Rules(), Filters(brands=("Leaf",), maximum_price=3.0), at=AT).removed
    assert counted == {"sold_out": 1, "not_yet_available": 1, "low_stock": 1, "other_brand": 4, "price": 1}


def test_rules_hold_in_their_placements_and_from_until_half_open():
    begin, end = AT, AT + timedelta(days=1)
    block = Block(Selection(("tea",)), Scope(("cart", "home"), begin, end))
    only = Only(Filters(("Food",)), Scope(("cart",)))
    rules = Rules(blocks=(block,), only=(only,))
    assert "tea" in shown(rules)
    assert "tea" not in shown(rules, placement="home")
    assert "tea" in shown(rules, placement="mail")
    assert shown(rules, placement="cart") == {"coffee"}
    assert "tea" in shown(rules, placement="home", at=begin - SECOND)
    assert "tea" not in shown(rules, placement="home", at=end - SECOND)
    assert "tea" in shown(rules, placement="home", at=end)


def test_a_plan_says_until_when_it_holds():
    begin, end = AT + timedelta(days=1), AT + timedelta(days=3)
    rules = Rules(blocks=(Block(Selection(("tea",)), Scope((), begin, end)),))
    moments = [AT]
    while (until := prepare(RANGE, rules, at=moments[-1]).until) is not None:
        moments.append(until)
    assert moments == [AT, AT + SECOND, begin, end]
    for moment, following in zip(moments, [*moments[1:], end + timedelta(days=9)], strict=True):
        assert shown(rules, at=moment) == shown(rules, at=following - SECOND)


def pins(*told: Pin, filters: Filters = Filters()) -> dict[int, str]:
    plan: Plan = prepare(RANGE, Rules(pins=told), filters, at=AT)
    return {position: RANGE.product_ids[row] for position, row in plan.pins.items()}


def test_only_what_may_be_shown_is_pinned_once_and_two_for_one_position_stand_side_by_side():
    assert pins(Pin("soap", 1), Pin("tea", 2), Pin("tea", 1), Pin("nothing", 3)) == {1: "tea"}
    assert pins(Pin("tea", 2), Pin("coffee", 2), Pin("Foodie", 1), Pin("brush", 3)) == {1: "Foodie", 2: "tea", 3: "coffee", 4: "brush"}


def test_a_pin_of_a_category_stands_only_in_lists_of_this_category():
    own = Pin("tea", 1, category="Food > Drinks")
    assert pins(own) == {}
    assert pins(own, filters=Filters(("Food>Drinks",))) == {1: "tea"}
    assert pins(own, filters=Filters(("Food",))) == {}


def test_a_customers_exclusions_are_cut_out_of_the_mask():
    plan = prepare(RANGE, Rules(), at=AT)
    assert plan.offered_to(Exclusions(bought=frozenset({"tea"}))) is plan.offered, "the model leaves out what was bought itself"
    own = plan.offered_to(Exclusions(frozenset({"unlisted", "brush", "nothing"}), ("Food > Drinks",)))
    assert own is not None
    assert own.tolist() == [False, False, False, False, False]
    assert plan.offered is not None
    assert plan.offered.tolist() == [False, True, False, True, True], "the shared mask stays as it is"


def test_a_shop_without_a_products_table_shows_everything():
    bare = product_range(["a", "b"], None)
    plan = prepare(bare, Rules(), at=AT)
    assert plan.offered is None
    assert plan.until is None
    assert plan.removed == {}
    assert prepare(bare, Rules(), Filters(("A",)), at=AT).removed == {"other_category": 2}
    assert product_range([], FRAME.iloc[:0]).product_ids == ()


def test_stock_and_price_that_are_no_numbers_are_not_known():
    odd = FRAME.assign(stock=["many", "0", None, "3", "-1", "", "2.0"], list_price=[None, "x", "3", 4, 5, 6, 7])
    found = product_range([], odd)
    assert np.array_equal(found.stock, [math.nan, 0, math.nan, 3, -1, math.nan, 2, math.nan], equal_nan=True)
    assert np.array_equal(found.price, [math.nan, math.nan, 3, 4, 5, 6, 7, math.nan], equal_nan=True)


def test_a_product_that_stands_twice_counts_as_its_first_row():
    twice = pd.concat([FRAME, FRAME.assign(brand="other")])
    assert product_range([], twice).brands == ("Leaf", "Bean", "Fine")


some_rows = st.lists(
    st.tuples(
        st.sampled_from(["A", "A > B", "AB", "A > B > C", None]),
        st.sampled_from(["x", "y", None]),
        st.sampled_from([1.0, 2.0, 3.0, None]),
        st.sampled_from([True, True, False, None]),
        st.sampled_from([None, AT - SECOND, AT, AT + SECOND]),
        st.sampled_from([0, 1, 2, None]),
    ),
    min_size=3,
    max_size=9,
)
bounds = st.sampled_from([None, 1.0, 2.0, 3.0])
some_filters = st.builds(
    Filters,
    st.sampled_from([(), ("A",), ("A > B", "AB"), ("Z",)]),
    st.sampled_from([(), ("x",), ("x", "y")]),
    bounds,
    bounds,
    st.booleans(),
)


def plain_reason(row: tuple, rules: Rules, filters: Filters) -> str | None:
    """The first reason, read off one product."""
    category, brand, price, available, available_from, stock = row

    def within(names: tuple[str, ...]) -> bool:
        return category is not None and any(category == name or category.startswith(name + " > ") for name in names)

    (block,) = rules.blocks
    asked = {
        "sold_out": filters.in_stock and available is False,
        "not_yet_available": filters.in_stock and available_from is not None and available_from > AT,
        "low_stock": filters.in_stock and stock is not None and stock < rules.minimum_stock,
        "blocked": within(block.products.categories) or (brand is not None and brand in block.products.brands),
        "other_category": bool(filters.categories) and not within(filters.categories),
        "other_brand": bool(filters.brands) and brand not in filters.brands,
        "price": (filters.minimum_price is not None and (price is None or price < filters.minimum_price))
        or (filters.maximum_price is not None and (price is None or price > filters.maximum_price)),
    }
    return next((reason for reason, holds in asked.items() if holds), None)


@given(some_rows, some_filters, st.sampled_from([("x",), ()]), st.sampled_from([("A > B",), ()]), st.sampled_from([0.0, 1.0, 2.0]))
def test_the_whole_range_at_once_is_each_product_alone(rows, filters, brands, categories, minimum_stock):
    frame = pd.DataFrame([(f"p{i}", *row) for i, row in enumerate(rows)], columns=FRAME.columns)
    rules = Rules(minimum_stock=minimum_stock, blocks=(Block(Selection((), categories, brands)),))
    plan = prepare(product_range([], frame), rules, filters, at=AT)
    expected = [plain_reason(row, rules, filters) for row in rows]
    assert [None if code == 0 else REASONS[code - 1] for code in plan.reasons[:-1]] == expected
    assert plan.removed == Counter(reason for reason in expected if reason)
    assert plan.removed.total() + int(plan.may_be_shown[:-1].sum()) == len(rows), "shown and removed are all"
