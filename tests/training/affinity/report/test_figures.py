"""Figures against naive arithmetic on shops small enough to know."""

import numpy as np
import pytest

from training.affinity.backtest import run_backtest
from training.affinity.candidates import DEPTH
from training.affinity.history import encode
from training.affinity.orders import PLAIN, Order
from training.affinity.recall import columns_of
from training.affinity.report import gains
from training.affinity.report.by_source import TOGETHER, Found, candidates_recall, found_by_source, recall_table
from training.affinity.report.by_way import baskets_before, groups_table, ways_table
from training.affinity.report.figures import figures
from training.affinity.report.range_use import (
    categories_per_list,
    coverage,
    deciles_table,
    diversity,
    gini,
    mean_popularity_rank,
    most_shown,
    novelty,
)
from training.affinity.report.shown import shown
from training.affinity.sheets import ALL, AT, NEW
from training.evaluation.ranking import ndcg_at


@pytest.fixture(scope="session")
def history(known):
    return encode(known)


def test_a_source_that_finds_everything_recalls_everything():
    """Two customers want two products and one; the first source has all of them, the second one late, the third none."""
    rank = np.array([[0, 30, DEPTH], [9, DEPTH, DEPTH], [3, 5, DEPTH]])
    found = Found(("finds_all", "finds_some", "finds_none"), np.array([0, 0, 1]), rank, np.array([2, 1]))
    table = recall_table(found, np.array([1.0, 0.5]), ("finds_all",)).set_index("source")
    assert table.loc["finds all", ["recall at 10, %", "recall at 60, %"]].tolist() == [100.0, 100.0]
    assert table.loc["finds some", ["recall at 10, %", "recall at 60, %"]].tolist() == [50.0, 75.0]
    assert table.loc["finds none", ["recall at 10, %", "recall at 60, %"]].tolist() == [0.0, 0.0]
    assert table["found by it alone, %"].tolist()[:3] == pytest.approx([100.0 / 3, 0.0, 0.0])
    assert table["in use"].to_dict() == {"finds all": "yes", "finds some": "no", "finds none": "no", TOGETHER: "yes"}
    assert table.loc[TOGETHER, "recall at 60, %"] == 75.0


@pytest.mark.parametrize("mode", [ALL, NEW])
def test_ranks_of_wanted_products_are_those_of_sorting_the_source(history, tried, mode):
    exam = tried.asked[mode]
    customers = exam.customers[1:]
    found = found_by_source(history, {mode: exam}, tried.recall, customers)[mode]
    at = found.sources.index("popularity")
    before, columns = history.before(exam.cut).bought, columns_of(tried.recall.range, history)
    popular = tried.recall.source("popularity").arrays()["popular"].ravel()
    checked = 0
    for row, customer in enumerate(customers):
        had = set(columns[before.product[before.customer == customer]].tolist()) if mode == NEW else set()
        order = [c for c in sorted(range(len(popular)), key=lambda c: (-popular[c], c)) if popular[c] > 0 and c not in had][:DEPTH]
        wanted = columns[exam.product[exam.customers[exam.row] == customer]]
        naive = sorted(order.index(c) if c in order else DEPTH for c in wanted.tolist())
        assert sorted(found.rank[found.row == row, at].tolist()) == naive
        checked += len(naive)
    assert checked > 15


def test_recall_of_the_candidates_is_that_of_the_union_of_the_lists(tried):
    sheet = tried.sheets[ALL]
    some = np.arange(len(sheet.sizes)) % 2 == 0
    naive = [sheet.hit[sheet.row == row].sum() / sheet.wanted[row] for row in np.flatnonzero(some)]
    assert candidates_recall(sheet, some).tolist() == pytest.approx(naive)


def test_ways_tell_the_backtests_own_metrics(tried):
    table, told = ways_table(tried, NEW), tried.metrics()
    assert table["way"].tolist() == ["popularity", "blend", "ranker"]
    assert table["NDCG@10"].tolist() == [told[f"new.{way}.ndcg_at_10"] for way in (PLAIN, "blend", "ranker")]
    assert (table["chosen"] == "yes").tolist() == [way == tried.orders.ways[NEW] for way in (PLAIN, "blend", "ranker")]


def test_groups_hold_everybody_once_and_average_their_own(tried, history, known):
    exam = tried.asked[ALL]
    baskets = baskets_before(history, exam)
    earlier = known.purchases[known.purchases.ordered_at < exam.cut]
    days = earlier.groupby("customer_id").ordered_at.agg(lambda at: at.dt.normalize().nunique())
    assert baskets.tolist() == days[history.customer_ids[exam.customers]].tolist()
    table = groups_table(tried, ALL, baskets).set_index("earlier baskets")
    assert table["customers"].iloc[:-1].sum() == table.loc["any number", "customers"] == len(exam.customers)
    plain = ndcg_at(tried.hits[ALL][PLAIN], tried.sheets[ALL].wanted, AT)
    assert table.loc["10 and more", "personal frequency"] == pytest.approx(plain[baskets >= 10].mean())
    chosen = ndcg_at(tried.hits[ALL][tried.orders.ways[ALL]], tried.sheets[ALL].wanted, AT)
    assert table.loc["any number", "ahead"] == pytest.approx(chosen.mean() - plain.mean())


def test_families_and_sources_share_the_whole_gain(tried):
    gained, sources = tried.gains[ALL], tried.sheets[ALL].sources
    families = gains.by_family(gained, sources)
    assert families["gain, %"].sum() == pytest.approx(100.0)
    said = families.set_index("family").loc["what single sources say", "gain, %"]
    assert gains.by_source(gained, sources)["together, %"].sum() == pytest.approx(said)
    assert said > 0


def test_lists_are_those_whose_hits_were_measured(tried):
    for mode, orders in tried.rivals.items():
        for way, order in orders.items():
            if way == PLAIN:
                continue
            found = shown(tried.sheets[mode], order)
            hits = np.zeros_like(tried.hits[mode][way])
            hits[found.row, found.rank] = found.hit
            assert (hits == tried.hits[mode][way]).all()


def test_what_is_shown_names_the_product_and_whether_they_had_it(tried, history):
    found = shown(tried.sheets[ALL], Order())
    exam, columns = tried.asked[ALL], columns_of(tried.recall.range, history)
    before = history.before(exam.cut).bought
    had = set(zip(before.customer.tolist(), columns[before.product].tolist(), strict=True))
    wanted = set(zip(exam.customers[exam.row].tolist(), columns[exam.product].tolist(), strict=True))
    pairs = list(zip(exam.customers[found.row].tolist(), found.column.tolist(), strict=True))
    assert found.had.tolist() == [pair in had for pair in pairs]
    assert found.hit.tolist() == [pair in wanted for pair in pairs]
    assert 0 < found.hit.sum() < found.had.sum() < len(pairs)
    assert shown(tried.sheets[NEW], Order()).had.sum() == 0
    assert novelty(found) == pytest.approx(1.0 - found.had.mean())


def test_coverage_and_gini_at_their_ends():
    assert coverage(np.arange(8), 8) == 1.0
    assert coverage(np.array([3, 3, 1]), 8) == 0.25
    assert coverage(np.zeros(0, np.int64), 0) == 0.0
    assert gini(np.full(6, 4)) == pytest.approx(0.0)
    assert gini(np.array([0, 0, 0, 9])) == pytest.approx(0.75)
    assert gini(np.zeros(5, np.int64)) == 0.0


def test_gini_is_half_the_relative_mean_difference():
    x = np.random.default_rng(3).integers(0, 50, 40)
    assert gini(x) == pytest.approx(np.abs(x[:, None] - x[None, :]).mean() / (2 * x.mean()))


def test_diversity_and_categories_by_hand():
    columns = np.array([2, 5, 7])
    alike = np.array([[1.0, 0.5, 0.0], [0.5, 1.0, 0.2], [0.0, 0.2, 1.0]])
    lists = [np.array([2, 5]), np.array([7, 5, 2]), np.array([5])]
    assert diversity(lists, alike, columns) == pytest.approx((0.5 + (0.8 + 1.0 + 0.5) / 3) / 2)
    assert np.isnan(diversity([np.array([5])], alike, columns))
    category = np.array([-1, -1, 0, -1, -1, 0, -1, -1])
    assert categories_per_list(lists, category) == pytest.approx((1 + 1 + 1) / 3)
    assert np.isnan(categories_per_list(lists, np.full(8, -1)))
    assert most_shown(lists, 8) == pytest.approx(1.0)
    assert most_shown(lists[:2], 8) == pytest.approx(1.0)
    assert most_shown([*lists, np.array([2])], 8) == pytest.approx(0.75)
    assert np.isnan(most_shown([], 8))
    assert mean_popularity_rank(np.array([0, 3])) == 2.5
    assert np.isnan(mean_popularity_rank(np.zeros(0, np.int64)))


def test_tenths_of_the_range_share_what_is_shown():
    table = deciles_table(np.array([0, 0, 1, 24]), np.array([24, 24]), 25)
    assert table["of what is shown, %"].tolist() == [75.0] + [0.0] * 8 + [25.0]
    assert table["of what was bought, %"].tolist() == [0.0] * 9 + [100.0]
    assert table["products by popularity"].tolist()[:2] == ["1 to 2", "3 to 5"]
    few = deciles_table(np.array([0, 2]), np.array([1]), 3)
    assert few["products by popularity"].tolist() == ["1", "2", "3"]
    assert few["of what is shown, %"].tolist() == [50.0, 0.0, 50.0]


def test_a_history_too_short_for_a_backtest_is_said(purchases, end, interactions_of):
    known = interactions_of(purchases([("a", "p", 1), ("b", "p", 2)]))
    told = figures(run_backtest(encode(known), end), encode(known), known.products)
    assert told.chapters == told.examples == ()
    assert "too little history" in told.facts[0]


def test_examples_are_drawn_by_rule_and_tell_the_truth(tried, history, known):
    told = figures(tried, history, known.products)
    assert 3 <= len(told.examples) <= 8
    assert len({one.customer_id for one in told.examples}) == len(told.examples)
    again = figures(tried, history, known.products)
    assert [one.customer_id for one in again.examples] == [one.customer_id for one in told.examples]
    cut = tried.asked[ALL].cut
    named = dict(zip(known.products.product_id, known.products.name, strict=True))
    for one in told.examples:
        mine = known.purchases[known.purchases.customer_id == one.customer_id]
        before, after = mine[mine.ordered_at < cut], mine[mine.ordered_at >= cut]
        assert one.baskets == before.ordered_at.dt.normalize().nunique()
        top = before.groupby("product_id").ordered_at.agg(["size", "max"])
        for own in one.before:
            (product_id,) = [p for p, name in named.items() if name == own.name]
            assert (own.times, own.last) == (top.loc[product_id, "size"], f"{top.loc[product_id, 'max']:%Y-%m-%d}")
        bought = {named[p] for p in after.product_id}
        assert {offer.name for offer in one.offers if offer.bought} == bought & {offer.name for offer in one.offers}
        assert {name for name, there in one.after if there} == {offer.name for offer in one.offers if offer.bought}
        assert not {offer.name for offer in one.new_offers} & {named[p] for p in before.product_id}
        assert one.wanted == len(bought)


def test_reasons_name_products_and_not_their_ids(tried, history, known):
    told = figures(tried, history, known.products)
    because = [offer.because for one in told.examples for offer in one.new_offers]
    linked = [one for one in because if one.startswith("often bought together with ")]
    assert linked
    assert all(one.startswith("often bought together with Thing ") for one in linked)
