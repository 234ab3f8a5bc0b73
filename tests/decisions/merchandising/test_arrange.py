"""Where rules meet in one list, with the answer written out."""

from datetime import datetime

import pandas as pd

from decisions.merchandising import UNRANKED, Arranged, Exclusions, Rules, arrange, prepare, product_range
from decisions.merchandising.rules import Caps, Pin

AT = datetime(2025, 6, 1)
RANKED = ["tea", "mate", "mug", "spoon"]
SHOP = pd.DataFrame(
    {
        "product_id": [*RANKED, "cocoa", "bowl"],
        "category": ["Drinks", "Drinks", "Ware", "Ware", "Drinks", "Ware"],
        "brand": ["Leaf", "Leaf", "Clay", "Steel", "Bean", "Clay"],
    }
)
RANGE = product_range(RANKED, SHOP)


def arranged(rules: Rules, n: int, exclusions: Exclusions = Exclusions()) -> Arranged:
    return arrange(prepare(RANGE, rules, at=AT), RANKED, [4.0, 3.0, 2.0, -1.0], n, exclusions=exclusions)


def test_a_pin_over_a_cap_is_counted_only_where_it_is_a_candidate():
    capped = Rules(caps=Caps(category=1), pins=(Pin("tea", 1), Pin("cocoa", 2), Pin("mate", 3)))
    found = arranged(capped, 4)
    assert found.product_ids == ["tea", "mug"]
    assert found.removed == {"category_cap": 2}, "mate and spoon; cocoa was no candidate"


def test_pins_take_the_caps_places_before_the_candidates():
    found = arranged(Rules(caps=Caps(category=1), pins=(Pin("cocoa", 2),)), 3)
    assert found.product_ids == ["mug", "cocoa"]
    assert found.places == [2, UNRANKED]
    assert found.pinned == (1,)
    assert found.removed == {"category_cap": 3}
    assert found.left == 0


def test_filling_takes_back_the_best_of_what_caps_left_out():
    found = arranged(Rules(caps=Caps(brand=1), fill=True), 4)
    assert found.product_ids == ["tea", "mug", "spoon", "mate"]
    assert found.removed == {}
    short = arranged(Rules(caps=Caps(category=1), fill=True), 3)
    assert short.product_ids == ["tea", "mug", "mate"]
    assert short.removed == {"category_cap": 1}


def test_a_pinned_candidate_moves_and_keeps_its_place_in_the_answer():
    found = arranged(Rules(pins=(Pin("spoon", 1),)), 2)
    assert found.product_ids == ["spoon", "tea"]
    assert found.places == [3, 0]
    assert found.pinned == (0,)
    assert found.left == 2


def test_pins_of_a_short_list_move_up_and_those_behind_its_end_are_not_shown():
    found = arrange(prepare(RANGE, Rules(pins=(Pin("bowl", 3), Pin("cocoa", 5))), at=AT), ["tea"], [1.0], 4)
    assert found.product_ids == ["tea", "bowl"]
    nobody = arrange(prepare(RANGE, Rules(pins=(Pin("bowl", 3),)), at=AT), [], [], 4)
    assert nobody.product_ids == ["bowl"], "pins stand alone where there is no candidate"


def test_a_pin_that_is_withheld_is_not_shown_and_neither_is_its_candidate():
    told = Exclusions(frozenset({"spoon"}), ("Drinks",), bought=frozenset({"bowl"}))
    found = arranged(Rules(pins=(Pin("spoon", 1), Pin("bowl", 2), Pin("cocoa", 3))), 4, told)
    assert found.product_ids == ["mug"]
    assert found.removed == {"excluded_for_customer": 3}
