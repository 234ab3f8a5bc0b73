"""The shop's own file: read as it is meant, refused with file, line, key and remedy where it cannot be used."""

from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from decisions.merchandising import DEFAULT_RECOMMENDATIONS, Rules, load_rules, product_range, unknown_names
from decisions.merchandising.rules import Block, Boost, Caps, Columns, Filters, Only, Pin, Scope, Selection
from decisions.merchandising.rules_file import rules_of
from decisions.reading import document_of
from features.errors import InputError


def rules(text: str, timezone: str = "UTC") -> Rules:
    return rules_of(document_of(text, "recommendations.yaml"), timezone=timezone)


def test_the_default_file_says_the_defaults_and_an_empty_one_the_same():
    assert load_rules() == Rules() == rules("diversity: 0")
    assert DEFAULT_RECOMMENDATIONS.name == "default_recommendations.yaml"
    assert not load_rules().rearranges


def test_every_key_is_read():
    found = rules(
        """
minimum_stock: 2
diversity: 0.25
caps: {category: 3, category_level: 1, brand: 2}
fill: true
candidates: 150
pin: [{product: "0012", position: 2, category: "Food>Tea", placements: [home]}]
boost: [{categories: ["Food > Tea"], brands: [Leaf], products: [a], factor: 1.5}]
block: [{products: [b]}]
only: [{placements: [cart], categories: [Food], brands: [Leaf], minimum_price: 1, maximum_price: 9.5}]
columns: {stock: pieces, excluded_products: never, excluded_categories: never_of}
"""
    )
    assert found == Rules(
        minimum_stock=2.0,
        diversity=0.25,
        candidates=150,
        caps=Caps(3, 2, 1),
        fill=True,
        pins=(Pin("0012", 2, "Food > Tea", Scope(("home",))),),
        boosts=(Boost(Selection(("a",), ("Food > Tea",), ("Leaf",)), 1.5),),
        blocks=(Block(Selection(("b",))),),
        only=(Only(Filters(("Food",), ("Leaf",), 1.0, 9.5), Scope(("cart",))),),
        columns=Columns("pieces", "never", "never_of"),
    )
    assert found.digest != Rules().digest


@pytest.mark.parametrize(
    ("told", "zone", "instant"),
    [
        ("2025-11-28", "UTC", datetime(2025, 11, 28)),
        ("2025-11-28", "Asia/Ho_Chi_Minh", datetime(2025, 11, 27, 17)),
        ("2025-07-01 10:00:00", "Europe/Berlin", datetime(2025, 7, 1, 8)),
        ("2025-12-01 10:00", "Europe/Berlin", datetime(2025, 12, 1, 9)),
        ("2025-12-01T10:00:00+03:00", "Europe/Berlin", datetime(2025, 12, 1, 7)),
    ],
)
def test_dates_and_times_are_of_the_shops_clock(told, zone, instant):
    (block,) = rules(f"block: [{{brands: [x], from: {told}}}]", zone).blocks
    assert block.scope.from_at == instant


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("diversty: 0.3", 1, "the key 'diversty' is not known; the nearest known is 'diversity'"),
        ("caps:\n  brands: 2", 2, "the key 'brands' is not known; the nearest known is 'brand'"),
        ("pin:\n  - {product: a, position: 1, form: 2025-01-01}", 2, "the key 'form' is not known; the nearest known is 'from'"),
        ("diversity: 1.01", 1, "diversity: 1.01 is more than 1"),
        ("candidates: 0", 1, "candidates: 0 is less than 1"),
        ("caps: {category: 0}", 1, "caps, category: 0 is less than 1"),
        ("boost: [{brands: [x], factor: -1}]", 1, "boost, factor: -1 is less than 0"),
        ("boost:\n  - brands: [x]", 2, "boost, factor: it is missing"),
        ("pin: [{product: 85123, position: 1}]", 1, "pin, product: 85123 stands there as a number or date; write it in quotes"),
        ("pin: [{product: a, position: 0}]", 1, "pin, position: 0 is less than 1"),
        ("fill: 1", 1, "fill: 1 is neither true nor false"),
        ("block:\n  - {brands: [a]}\n  - {placements: [home]}", 3, "block, rule 2: means no product"),
        ("boost: [{factor: 2}]", 1, "boost, rule 1: means no product"),
        ("only: [{placements: [home]}]", 1, "only, rule 1: limits nothing"),
        ("only: [{minimum_price: 5, maximum_price: 4}]", 1, "only, rule 1, minimum_price: minimum_price 5 is above maximum_price 4"),
        (
            "block: [{brands: [a], from: 2025-02-01, until: 2025-02-01}]",
            1,
            "block, rule 1, until: until 2025-02-01 is not after from 2025-02-01",
        ),
        ("block: [{brands: [a], until: tomorrow}]", 1, "block, until: tomorrow is no date or time"),
        ("block: [{brands: []}]", 1, "block, brands: it names 0, and needs at least 1"),
        ("diversity: 0\ndiversity: 1", 2, "the key 'diversity' stands there twice"),
        ("[]", 0, "holds no mapping"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(tmp_path: Path, text, line, said):
    file = tmp_path / "recommendations.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as refused:
        load_rules(file)
    assert said in refused.value.problem
    assert refused.value.problem.startswith(f"{file}, line {line}: " if line else str(file))
    assert refused.value.remedy


def test_names_that_the_range_does_not_know_are_told_with_the_likely_ones():
    known = product_range(["85123A"], pd.DataFrame({"product_id": ["t1"], "category": ["Food > Drinks > Tea"], "brand": ["Leaf"]}))
    found = rules(
        """
pin: [{product: 85123a, position: 1}, {product: t1, position: 2, category: Tea}]
boost: [{brands: [Leef, Leaf], factor: 2}, {categories: [Food > Drinks], factor: 2}]
only: [{categories: [Clothes]}]
block: [{products: [85123a]}]
"""
    )
    assert unknown_names(found, known) == [
        "no product has the id '85123a' (nearest: 85123A)",
        "no product has the category 'Tea' (nearest: Food > Drinks > Tea)",
        "no product has the category 'Clothes'",
        "no product has the brand 'Leef' (nearest: Leaf)",
    ]
    assert unknown_names(Rules(), known) == []
