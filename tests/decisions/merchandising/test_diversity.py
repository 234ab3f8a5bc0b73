"""Maximal marginal relevance with the arithmetic spelled out."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from decisions.merchandising import Rules, arrange, prepare, product_range
from decisions.merchandising.diversity import relevance
from decisions.merchandising.rules import Boost, Pin, Selection

AT = datetime(2025, 6, 1)
SHOP = pd.DataFrame(
    {
        "product_id": ["red tea", "green tea", "mug", "spoon", "cup"],
        "category": ["Tea", "Tea", "Ware", "Ware", None],
        "brand": ["Leaf", "Leaf", "Leaf", "Steel", "Steel"],
    }
)
RANKED = ["red tea", "green tea", "mug", "spoon", "cup"]
SCORES = [9.0, 8.0, 4.0, 2.0, -1.0]


def shown(rules: Rules, n: int = 5, likeness=None) -> list[str]:
    plan = prepare(product_range(RANKED, SHOP), rules, at=AT)
    return list(arrange(plan, RANKED, SCORES, n, likeness=likeness).product_ids)


def test_relevance_is_a_tenth_for_the_last_and_one_for_the_best():
    assert relevance(np.array([9.0, 8.0, 4.0, 2.0, -1.0])) == pytest.approx([1.0, 0.91, 0.55, 0.37, 0.1])
    assert relevance(np.array([3.0, 3.0])).tolist() == [1.0, 1.0]
    assert relevance(np.array([5.0, 5.5, 4.0])).tolist() == [1.0, 1.0, pytest.approx(0.1)], "the order that is given holds"
    assert len(relevance(np.zeros(0))) == 0


def test_the_next_one_is_relevant_and_unlike_those_above_it():
    # 0.5 * relevance - 0.5 * likeness (1 for the same category, 0.5 for the same brand) after red tea:
    # green tea .455 - .5 = -.045; mug .275 - .25 = .025; spoon .185 - 0 = .185; cup .05 - 0 = .05. After spoon: cup .05 - .25 = -.2,
    # mug .275 - .5 = -.225, green tea -.045.
    assert shown(Rules(diversity=0.5)) == ["red tea", "spoon", "green tea", "cup", "mug"]
    assert shown(Rules(diversity=0.5), 2) == ["red tea", "spoon"]
    assert shown(Rules(diversity=0.0)) == RANKED


def test_the_likeness_that_is_given_counts_instead():
    alike = np.eye(5, dtype=np.float32)
    alike[0, 3] = alike[3, 0] = 1.0  # shoppers take spoon for the same as red tea
    place = {product_id: i for i, product_id in enumerate(RANKED)}
    asked: list[list[str]] = []

    def likeness(product_ids):
        asked.append(list(product_ids))
        at = [place[p] for p in product_ids]
        return alike[np.ix_(at, at)]

    assert shown(Rules(diversity=0.5), likeness=likeness) == ["red tea", "green tea", "mug", "cup", "spoon"]
    assert asked == [RANKED]


def test_what_is_pinned_stands_in_the_list_from_the_beginning():
    rules = Rules(diversity=0.5, pins=(Pin("green tea", 3),))
    # of the others the relevance is 1, .55, .37, .1. Beside the pinned tea: red tea .5 - .5, mug .275 - .25, spoon .185, cup .05;
    # beside the spoon, too: red tea 0, mug .275 - .5, cup .05 - .25.
    assert shown(rules, 3) == ["spoon", "red tea", "green tea"]


def test_a_factor_of_ten_lifts_the_last_to_the_best_and_zero_ends_the_list():
    assert shown(Rules(boosts=(Boost(Selection(("cup",)), 10.0),)))[:2] == ["red tea", "cup"]
    assert shown(Rules(boosts=(Boost(Selection(("cup",)), 11.0),)))[0] == "cup"
    assert shown(Rules(boosts=(Boost(Selection(categories=("Tea",)), 0.0),))) == ["mug", "spoon", "cup", "red tea", "green tea"]
    twice = (Boost(Selection(("mug",)), 2.0), Boost(Selection(brands=("Leaf",)), 0.5))
    assert shown(Rules(boosts=twice)) == ["mug", "red tea", "green tea", "spoon", "cup"], "factors multiply: .55, .5, .455"


def test_a_boost_above_the_best_does_not_drown_likeness():
    # mug .55 x 8 = 4.4, so all are divided by 4.4: red tea .2273, green tea .2068, spoon .0841, cup .0227. After mug, with .5 each:
    # red tea .114 - .25, green tea .103 - .25, spoon .042 - .5, cup .011; after cup the same ones.
    rules = Rules(diversity=0.5, boosts=(Boost(Selection(("mug",)), 8.0),))
    assert shown(rules) == ["mug", "cup", "red tea", "green tea", "spoon"]
