"""Ranking measures against scikit-learn, a plain rewriting of the definitions, and their laws."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from training.evaluation.ranking import hit_at, hits_of, ndcg_at, recall_at, summary

CATALOGUE = [f"p{i}" for i in range(12)]
lists = st.permutations(CATALOGUE)
wishes = st.sets(st.sampled_from(CATALOGUE), min_size=1)
ranks = st.integers(1, 12)


def measured(listed, wanted, k):
    hits = np.array([[p in wanted for p in listed]])
    counts = np.array([len(wanted)])
    return recall_at(hits, counts, k)[0], ndcg_at(hits, counts, k)[0], hit_at(hits, k)[0]


@given(lists, wishes, ranks)
def test_the_measures_are_their_definitions(listed, wanted, k):
    found = set(listed[:k]) & wanted
    gained = sum(1 / math.log2(rank + 1) for rank, p in enumerate(listed[:k], 1) if p in wanted)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(wanted)) + 1))
    recall, ndcg, hit = measured(listed, wanted, k)
    assert recall == pytest.approx(len(found) / len(wanted))
    assert ndcg == pytest.approx(gained / ideal)
    assert hit == float(bool(found))


@given(lists, wishes, ranks)
def test_ndcg_is_scikit_learns(listed, wanted, k):
    truth = np.array([[p in wanted for p in listed]], float)
    assert measured(listed, wanted, k)[1] == pytest.approx(ndcg_score(truth, -np.arange(12.0)[None, :], k=k))


@given(lists, wishes, ranks)
def test_the_best_list_scores_one_and_none_leaves_zero_to_one(listed, wanted, k):
    perfect = sorted(listed, key=lambda p: p not in wanted)
    assert measured(perfect, wanted, k)[1] == pytest.approx(1.0)
    assert all(0.0 <= value <= 1.0 + 1e-12 for value in measured(listed, wanted, k))


@given(lists, wishes, st.integers(1, 11))
def test_bringing_a_wanted_product_forward_never_lowers_ndcg_and_a_longer_list_never_lowers_recall(listed, wanted, place):
    if listed[place] in wanted and listed[place - 1] not in wanted:
        swapped = list(listed)
        swapped[place - 1], swapped[place] = swapped[place], swapped[place - 1]
        assert measured(swapped, wanted, 12)[1] > measured(listed, wanted, 12)[1]
    assert measured(listed, wanted, place + 1)[0] >= measured(listed, wanted, place)[0]


def test_tables_become_hits_and_a_customer_without_a_list_has_none():
    recommended = pd.DataFrame(
        [("a", "x", 1), ("a", "y", 2), ("a", "z", 3), ("nobody", "x", 1)], columns=["customer_id", "product_id", "rank"]
    )
    wanted = pd.DataFrame([("b", "x"), ("a", "y"), ("a", "y"), ("a", "z")], columns=["customer_id", "product_id"])
    hits, counts, customers = hits_of(recommended, wanted, 2)
    assert customers.tolist() == ["a", "b"]
    assert counts.tolist() == [2, 1]
    assert hits.tolist() == [[False, True], [False, False]]
    told = summary(hits, counts, 2)
    assert told["recall_at_2"] == pytest.approx((1 / 2 + 0) / 2)
    assert told["hit_rate_at_2"] == 0.5
    assert told["customers"] == 2.0


def test_no_customers_have_no_measures():
    assert summary(np.zeros((0, 10), bool), np.zeros(0, int), 10) == {"customers": 0.0}
