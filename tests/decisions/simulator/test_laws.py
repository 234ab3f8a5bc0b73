"""The simulated shop obeys the laws that it claims, within the noise of a fixed seed."""

import json
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from decisions.simulator import Shop
from decisions.simulator.behaviour import first_state, make_week
from decisions.simulator.desk import USUAL_ORDER_VALUE
from decisions.simulator.knowledge import known_features
from decisions.simulator.population import ORDER_RATE_MEAN, ORDER_RATE_SHAPE
from decisions.simulator.responses import ORDER_AFTER_ACCEPTING
from decisions.simulator.rhythm import period
from decisions.simulator.rounds import Journal
from decisions.simulator.tables import CURRENCY
from decisions.simulator.world import World
from features import batch
from features.contract import STAGES
from features.engine import tables_from_frames

FOUR_SIGMA = 4.0


def surprise(observed: float, expected: float, variance: float) -> float:
    return abs(observed - expected) / np.sqrt(variance)


def test_order_rates_are_gamma_over_customers(world: World) -> None:
    rates = world.population.order_rate
    assert stats.kstest(rates, stats.gamma(ORDER_RATE_SHAPE, scale=ORDER_RATE_MEAN / ORDER_RATE_SHAPE).cdf).pvalue > 0.001


def test_repeat_orders_are_poisson_with_each_customers_rate_and_the_season(world: World, journal: Journal) -> None:
    orders, rate = journal.orders, world.population.order_rate
    state = first_state(world.population)
    np.minimum.at(state.first_order_at, orders["customer"], orders["at"])
    expected = np.zeros(world.population.size)
    for begins_at in world.period.weeks:
        week = make_week(world, float(begins_at))
        expected += np.where(state.first_order_at < begins_at, rate * week.exposure_days, 0.0)
    repeat = (orders["decision"] < 0) & (orders["at"] // 7 > state.first_order_at[orders["customer"]] // 7)
    observed = np.bincount(orders["customer"][repeat], minlength=rate.size)
    assert surprise(observed.sum(), expected.sum(), expected.sum()) < FOUR_SIGMA
    often = rate > np.quantile(rate, 0.8)
    assert surprise(observed[often].sum(), expected[often].sum(), expected[often].sum()) < FOUR_SIGMA
    dispersion = ((observed - expected) ** 2)[expected > 0.5] / expected[expected > 0.5]
    assert dispersion.mean() == pytest.approx(1.0, abs=0.15)


def test_lives_are_exponential_with_each_customers_rate(shop: Shop) -> None:
    truth = shop.truth["customers"]
    end = pd.Timestamp("2025-01-01")
    share = 1.0 - np.exp(-truth.exit_rate * (end - truth.joined_at).dt.total_seconds() / 86_400)
    assert surprise(truth.left.sum(), share.sum(), (share * (1 - share)).sum()) < FOUR_SIGMA
    life = (truth.left_at - truth.joined_at).dt.total_seconds() / 86_400
    passed = 1.0 - np.exp(-truth.exit_rate * life)[truth.exit_rate > 1e-4]
    assert stats.kstest(passed, "uniform").pvalue > 0.001


def test_nothing_is_done_by_a_customer_before_joining_or_after_leaving(shop: Shop) -> None:
    truth = shop.truth["customers"].set_index("customer_id")
    events = shop.tables["events"].dropna(subset="customer_id")
    orders = shop.tables["orders"].dropna(subset="customer_id")
    done = events[events.event_type != "email_sent"]
    for table, at in ((done, done.occurred_at), (orders, orders.ordered_at)):
        assert (at <= table.customer_id.map(truth.left_at)).all()
        assert (at >= table.customer_id.map(truth.joined_at)).all()


def test_nothing_but_delivery_follows_a_decision_after_the_exit(shop: Shop) -> None:
    truth = shop.truth["customers"].set_index("customer_id")
    outcomes = shop.tables["outcomes"].merge(shop.tables["decisions"], on="decision_id")
    done = outcomes[outcomes.outcome_type != "delivered"]
    assert (done.occurred_at <= done.customer_id.map(truth.left_at)).all()
    assert (outcomes.occurred_at >= outcomes.decided_at).all()
    assert (outcomes.occurred_at - outcomes.decided_at < pd.Timedelta(days=7)).all()


def test_the_shop_cannot_see_an_exit_and_goes_on_writing(shop: Shop) -> None:
    truth = shop.truth["customers"].set_index("customer_id")
    decisions = shop.tables["decisions"]
    assert (decisions.decided_at > decisions.customer_id.map(truth.left_at)).mean() > 0.02


def test_probabilities_are_those_of_a_distribution_over_candidates(shop: Shop) -> None:
    decisions = shop.tables["decisions"]
    assert decisions.action_probability.between(0.0, 1.0, inclusive="right").all()
    assert (decisions.action_probability[decisions.holdout] == 1.0).all()
    for row in decisions.drop_duplicates(["candidates", "action_id"]).itertuples():
        candidates = {c["action_id"]: c for c in json.loads(row.candidates)}
        assert sum(c["probability"] for c in candidates.values()) == pytest.approx(1.0)
        assert candidates[row.action_id]["allowed"]
        assert candidates[row.action_id]["probability"] == pytest.approx(row.action_probability)
        assert "no_action" in candidates


def test_actions_are_chosen_as_often_as_their_probability_says(shop: Shop) -> None:
    decisions = shop.tables["decisions"].query("~holdout")
    compared = 0
    for candidates, chosen in decisions.groupby("candidates"):
        shares = pd.Series({c["action_id"]: c["probability"] for c in json.loads(str(candidates)) if c["allowed"]})
        expected = shares * len(chosen)
        if expected.min() >= 5 and len(shares) > 1:
            observed = chosen.action_id.value_counts().reindex(shares.index, fill_value=0)
            assert stats.chisquare(observed, expected).pvalue > 1e-4
            compared += len(chosen)
    assert compared > 0.8 * len(decisions)


def test_customers_accept_as_often_as_the_truth_says(shop: Shop) -> None:
    outcomes = shop.tables["outcomes"]
    decisions = shop.tables["decisions"].merge(shop.truth["decisions"], on="decision_id").merge(shop.tables["customers"], on="customer_id")
    decisions["accepted"] = decisions.decision_id.isin(outcomes.decision_id[outcomes.outcome_type == "accepted"])
    there = decisions[decisions.reachable & (decisions.action_id != "no_action")]
    cells = there.groupby(["stage", "action_id", "persona"]).agg(
        accepted=("accepted", "sum"), count=("accepted", "size"), low=("response_probability", "min"), high=("response_probability", "max")
    )
    assert len(cells) > 30
    assert (cells.low == cells.high).all()
    chances = [stats.binomtest(int(c.accepted), int(c["count"]), c.low).pvalue for _, c in cells.iterrows()]
    assert min(chances) > 0.001 / len(cells)
    truth = shop.truth["responses"].groupby(["stage", "action_id", "persona"]).response_probability.first()  # the same by every channel
    assert (truth.loc[cells.index] == cells.low).all()
    assert not decisions.accepted[decisions.action_id == "no_action"].any()


def test_an_accepted_action_brings_orders_and_no_action_has_a_rate_of_its_own(shop: Shop) -> None:
    brought = shop.truth["orders"].dropna(subset="decision_id")
    outcomes = shop.tables["outcomes"]
    accepted = shop.tables["decisions"].merge(outcomes[outcomes.outcome_type == "accepted"], on="decision_id")
    assert set(brought.decision_id) <= set(accepted.decision_id)
    expected = accepted.stage.map(ORDER_AFTER_ACCEPTING)
    assert surprise(len(brought), expected.sum(), (expected * (1 - expected)).sum()) < FOUR_SIGMA
    converted = shop.tables["decisions"].decision_id.isin(outcomes.decision_id[outcomes.outcome_type == "converted"])
    idle = shop.tables["decisions"].action_id == "no_action"
    assert 0.02 < converted[idle].mean() < 0.5
    assert converted[shop.tables["decisions"].decision_id.isin(accepted.decision_id)].mean() > converted[idle].mean() + 0.1


def test_converted_is_the_first_order_within_a_week_and_its_money(shop: Shop) -> None:
    sales = shop.tables["orders"].query("line_kind == 'sale'").dropna(subset="customer_id")
    paid = sales.assign(paid=sales.quantity * sales.unit_price - sales.discount_amount)
    orders = paid.groupby(["order_id", "customer_id"]).agg(ordered_at=("ordered_at", "first"), paid=("paid", "sum")).reset_index()
    decisions = shop.tables["decisions"].merge(orders, on="customer_id")
    later = decisions.ordered_at - decisions.decided_at
    first = decisions[(later > pd.Timedelta(0)) & (later < pd.Timedelta(days=7))].sort_values("ordered_at").drop_duplicates("decision_id")
    outcomes = shop.tables["outcomes"].query("outcome_type == 'converted'").set_index("decision_id")
    first = first.set_index("decision_id")
    assert set(first.index) == set(outcomes.index)
    assert outcomes.value.loc[first.index].to_numpy() == pytest.approx(first.paid.to_numpy())


def test_consent_is_kept_and_ends_with_an_unsubscription(shop: Shop) -> None:
    customers = shop.tables["customers"].set_index("customer_id")
    events = shop.tables["events"]
    gone = events[(events.event_type == "unsubscribed") & (events.channel == "email")]
    assert len(gone) > 5
    assert not customers.consent_email[gone.customer_id].any()
    written = shop.tables["decisions"].query("channel == 'email'").merge(gone, on="customer_id")
    assert (written.decided_at <= written.occurred_at).all()


def test_every_customer_who_is_not_held_out_gets_any_allowed_action_alike(shop: Shop) -> None:
    decisions = shop.tables["decisions"]
    menus = decisions.drop_duplicates("candidates").set_index("candidates")
    allowed = {text: [c for c in json.loads(str(text)) if c["allowed"]] for text in menus.index}
    assert decisions.action_probability.to_numpy() == pytest.approx([1 / len(allowed[text]) for text in decisions.candidates])
    assert decisions.groupby("customer_id").holdout.nunique().eq(1).all()
    assert 0.03 < decisions.groupby("customer_id").holdout.first().mean() < 0.07
    assert decisions.policy_version.nunique() == 1


def test_what_the_gates_forbid_is_not_done_and_says_why(shop: Shop) -> None:
    decisions = shop.tables["decisions"]
    candidates = pd.DataFrame([c for text in decisions.candidates.unique() for c in json.loads(str(text))])
    codes = candidates.groupby("action_id").reasons.agg(lambda lists: sorted({code for codes in lists for code in codes}))
    assert codes["cart_reminder"] == ["contact_limit", "holdout", "no_consent", "unsubscribed"]
    assert codes["referral_programme"] == ["holdout", "no_consent", "no_products", "unsubscribed"]
    assert codes["win_back"] == ["contact_limit", "holdout", "no_consent", "not_applicable", "unsubscribed"]
    assert {"cooldown", "no_consent"} <= set(codes["onboarding"])
    assert not candidates.reasons[candidates.allowed].any()
    again = decisions[decisions.action_id == "onboarding"].groupby("customer_id").decided_at.diff()
    assert not (again < pd.Timedelta(days=21) - pd.Timedelta(hours=1)).any()
    asked = decisions[decisions.action_id == "satisfaction_survey"].merge(
        shop.tables["events"].query("event_type == 'survey_answered'"), on="customer_id"
    )
    since = asked.decided_at - asked.occurred_at
    assert not since.between(pd.Timedelta(0), pd.Timedelta(days=60) - pd.Timedelta(seconds=2)).any()


def test_an_action_of_several_channels_goes_by_one_that_is_consented_to(shop: Shop) -> None:
    decisions = shop.tables["decisions"].merge(shop.tables["customers"], on="customer_id")
    sent = decisions[decisions.action_id == "cart_reminder"]
    assert set(sent.channel) == {"email", "sms"}
    refused = (
        ~decisions.consent_email
        & ~decisions.consent_sms
        & ~decisions.customer_id.isin(shop.tables["events"].query("event_type == 'unsubscribed'").customer_id)
    )
    assert refused.sum() > 100
    assert not (refused & (decisions.action_id == "cart_reminder")).any()
    written = shop.tables["events"].merge(sent, on="decision_id").query("event_type in ['email_sent', 'email_opened', 'email_clicked']")
    assert len(written)
    assert (written.channel_y == "email").all()
    assert decisions.channel[decisions.action_id == "no_action"].isna().all()


def test_the_shop_decides_on_features_as_they_are_defined(shop: Shop, world: World, journal: Journal) -> None:
    at = 182.0
    state = first_state(world.population)
    orders, surveys, referrals = (
        {name: column[records["at"] < at] for name, column in records.items()}
        for records in (journal.orders, journal.surveys, journal.referrals)
    )
    np.add.at(state.order_count, orders["customer"], 1)
    np.minimum.at(state.first_order_at, orders["customer"], orders["at"])
    np.maximum.at(state.last_order_at, orders["customer"], orders["at"])
    np.add.at(state.referral_count, referrals["customer"], 1)
    np.maximum.at(state.last_survey_at, surveys["customer"], surveys["at"])
    named = shop.tables["orders"].dropna(subset="customer_id")
    tables = tables_from_frames({**shop.tables, "orders": named})
    told = batch.features(tables, [world.period.start + timedelta(days=at)]).set_index("customer_id")
    customers = np.array([int(who[1:]) - 1 for who in told.index])
    known = known_features(state, at, customers)
    for name in ("order_count", "days_since_last_order", "customer_age_days", "referral_count", "days_since_survey"):
        assert known[name] == pytest.approx(told[name].to_numpy(), abs=2e-5, nan_ok=True), name
    both = ~np.isnan(known["overdue_ratio"]) & told.overdue_ratio.notna().to_numpy()
    assert both.sum() > 200
    ratio = known["overdue_ratio"][both] / told.overdue_ratio.to_numpy()[both]
    assert np.median(ratio) == pytest.approx(1.0, abs=0.02)


def test_an_order_is_worth_about_what_the_shop_expects(shop: Shop) -> None:
    sales = shop.tables["orders"].query("line_kind == 'sale'")
    paid = (sales.quantity * sales.unit_price - sales.discount_amount).groupby(sales.order_id).sum()
    assert paid.mean() == pytest.approx(USUAL_ORDER_VALUE, rel=0.2)


def test_about_three_lines_in_a_hundred_come_back(shop: Shop) -> None:
    kinds = shop.tables["orders"].line_kind.value_counts()
    assert 0.02 < kinds["return"] / kinds["sale"] < 0.04
    assert set(shop.tables["orders"].currency) == {CURRENCY}


def test_staples_are_bought_again_on_their_own_cycle(shop: Shop) -> None:
    orders = shop.tables["orders"].query("line_kind == 'sale'").dropna(subset="customer_id")
    bought = orders.merge(shop.truth["staples"].drop_duplicates(["customer_id", "product_id"]), on=["customer_id", "product_id"])
    assert len(bought) / len(orders) > 0.25
    again = (
        bought.sort_values("ordered_at")
        .groupby(["customer_id", "product_id"])
        .agg(cycle=("cycle_days", "first"), lines=("order_id", "size"), gap=("ordered_at", lambda at: at.diff().dt.days.mean()))
    )
    again = again[again.lines >= 4]
    assert again.cycle.corr(again.gap, method="spearman") > 0.3


def test_customers_buy_to_their_taste(shop: Shop) -> None:
    orders = shop.tables["orders"].query("line_kind == 'sale'").dropna(subset="customer_id")
    categories = orders.merge(shop.tables["products"], on="product_id")[["customer_id", "category"]]
    shares = categories.merge(shop.truth["tastes"], on=["customer_id", "category"]).share
    assert shares.mean() > 2.0 / 12


def test_low_scores_come_before_the_exit(shop: Shop) -> None:
    truth = shop.truth["customers"].set_index("customer_id")
    answers = shop.tables["events"].query("event_type == 'survey_answered'")
    assert answers.value.between(0, 10).all()
    left = answers.customer_id.map(truth.left_at) - answers.occurred_at < pd.Timedelta(days=45)
    assert answers.value[left].mean() < answers.value[~left].mean() - 2.0


def test_stages_follow_from_what_the_shop_knew(shop: Shop) -> None:
    decisions, orders = shop.tables["decisions"], shop.tables["orders"].query("line_kind == 'sale'")
    first = decisions.customer_id.map(orders.groupby("customer_id").ordered_at.min())
    known = first < decisions.decided_at.dt.floor("D")
    assert known[decisions.stage.isin(["purchase", "retention", "advocacy"])].all()
    assert not known[decisions.stage.isin(["awareness", "consideration"])].any()
    assert set(decisions.stage) == set(STAGES)


def test_a_year_has_its_season_and_a_week_its_rhythm() -> None:
    year = period(pd.Timestamp("2024-01-01").to_pydatetime(), 12)
    assert year.days == 366
    days = np.arange(0.0, 366.0)
    season = year.season(days)
    assert season.mean() == pytest.approx(1.0, abs=0.01)
    assert season[334] > 1.3 * season[200]
    share = np.linspace(0.0, 1.0, 50)
    assert year.share_of_week(year.days_into_week(share)) == pytest.approx(share)
    night, evening = np.array([3.0, 4.0]) / 24, np.array([19.0, 20.0]) / 24
    assert np.diff(year.share_of_week(evening))[0] > 5 * np.diff(year.share_of_week(night))[0]


def test_a_week_that_begins_on_another_day_keeps_its_weekdays() -> None:
    monday, thursday = (period(pd.Timestamp(day).to_pydatetime(), 1) for day in ("2024-01-01", "2024-01-04"))
    saturday = np.diff(monday.share_of_week(np.array([5.0, 6.0])))
    assert np.diff(thursday.share_of_week(np.array([2.0, 3.0]))) == pytest.approx(saturday)
