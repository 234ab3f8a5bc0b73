"""Arbitration and value, with the arithmetic spelled out."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from decisions import NO_ACTION, Ask, Decision, Limits, Product, ShopHabits, Situation, Softmax, Terms, decide, default_policy
from decisions.actions import Catalogue
from decisions.catalogue import catalogue_of
from decisions.limits import limits_of
from decisions.reading import document_of
from decisions.responses import StageRates
from features.contract import STAGES
from training.journey_value import JourneyValues
from training.response import ResponseModel

AT = datetime(2024, 3, 5, 9)
CATALOGUE: Catalogue = catalogue_of(
    document_of(
        """
margin_share: 0.3
order_shares: {retention: 0.5}
groups: {help: {within: care}, care: {within: service}}
actions:
  - {action_id: letter, channel: email, cost: 0.10, response_prior: 0.1, lift_prior: 0.5, lever: 2}
  - {action_id: call, channel: phone, group: help, cost: 5, value: 40, response_prior: 0.2}
  - {action_id: gift, channel: web, response_prior: 0.2, order_share: 1, offer: {discount_share: 0.1, cost: 2}}
  - {action_id: deal, channel: web, products: cart, offer: {discount_share: 0.2, on_products: true}}
  - {action_id: club, channel: app, group: service, moves_to: advocacy}
  - {action_id: both, channels: [email, sms], cost: {email: 0.02, sms: 0.10}, value: 10}
  - {action_id: cheaper, channels: [email, sms], cost: {email: 0.10, sms: 0.02}, value: 10}
  - {action_id: alike, channels: [sms, email], cost: 0.05, value: 10}
  - {action_id: paid, channels: [sms, email], cost: {sms: 0.09, email: 0.03}, value: 0}
""",
        "catalogue.yaml",
    )
)
SITUATION = Situation("c1", AT, "retention", {"order_count": 2.0}, expected_order_value=100.0)
LEAVING = 0.002 * 0.3 * 0.3 * (2 * 100)
"""P(unsubscribes), share that is then lost, margin, and two orders: of what nobody has learned anything."""


def decided(situation: Situation = SITUATION, ask: Ask = Ask(), **more: Any) -> Decision:
    given: dict[str, Any] = {"exploration": Softmax(0.0, floor=0.0), "holdout_share": 0.0, "random_share": 0.0, **more}
    return decide(situation, ask, default_policy(CATALOGUE, Limits(), **given))


def terms(action_id: str, situation: Situation = SITUATION, ask: Ask = Ask(), **more: Any) -> Terms:
    return next(each.terms for each in decided(situation, ask, **more).candidates if each.action_id == action_id)


def channel(action_id: str, situation: Situation = SITUATION, ask: Ask = Ask()) -> str:
    return next(each.channel for each in decided(situation, ask).candidates if each.action_id == action_id)


def responses(decisions: int, answered: int, unsubscribed: int = 0, action_id: str = "letter", stage: str = "retention") -> ResponseModel:
    rows = pd.DataFrame({"action_id": action_id, "stage": stage, "answered": [n < answered for n in range(decisions)]})
    rows["unsubscribed"] = [n < unsubscribed for n in range(decisions)]
    return ResponseModel().fit(rows, {"letter": 0.1}, as_of=AT)


def journey(*values: tuple[str, str, float, float, bool], leaving_share: float = 0.25) -> JourneyValues:
    """(stage, order counts, money, customers seen, prior)."""
    return JourneyValues.from_plain(
        {
            "as_of": AT.isoformat(),
            "values": [[stage, bucket, money, 12, n, prior] for stage, bucket, money, n, prior in values],
            "after_order": [],
            "leaving_share": leaving_share,
            "leaving_customers": 0,
            "months_per_step": 1.0,
            "step_count": 24,
            "metrics": {},
            "data_hash": "",
            "version": None,
        }
    )


def test_priorities_by_hand() -> None:
    ask = Ask(context={"letter": 1.5, "help": 3})
    letter = terms("letter", ask=ask)
    assert letter.value == pytest.approx(0.3 * 100 * 0.5)
    assert letter.contact_cost == 0.10
    assert letter.leaving_cost == pytest.approx(LEAVING)
    assert letter.priority == pytest.approx(0.1 * (1 + 0.5) * 1.5 * 15 * 2 - 0.10 - LEAVING)
    assert letter.expected_value == pytest.approx(0.1 * (1 + 0.5) * 15 - 0.10 - LEAVING)
    assert terms("call", ask=ask).priority == pytest.approx(0.2 * 3 * 40 - 5 - LEAVING)
    assert terms("gift", ask=ask).value == pytest.approx(0.3 * 100 - 0.1 * 100 - 2)
    assert (terms("call").value_source, terms("letter").value_source) == ("catalogue", "order")


def test_no_action_is_worth_nothing_and_costs_nothing() -> None:
    nothing = terms(NO_ACTION, ask=Ask(context={"letter": 5}), response=responses(30, 6))
    assert (nothing.priority, nothing.value, nothing.cost, nothing.expected_value) == (0, 0, 0, 0)


def test_lift_fades_as_outcomes_come_in() -> None:
    # the action's rate (6 + 20 x .1) / (30 + 20) = .16, the stage's drawn to it: (6 + 20 x .16) / (30 + 20)
    learned = terms("letter", response=responses(30, 6))
    assert learned.response_probability == pytest.approx(0.184)
    assert learned.lift == pytest.approx(0.5 * 50 / (50 + 30))
    assert terms("letter").lift == 0.5
    elsewhere = terms("letter", ask=Ask(stage="advocacy"), response=responses(30, 6))
    assert elsewhere.lift == 0.5, "nothing was seen in that stage"
    assert elsewhere.response_probability == pytest.approx(0.16)
    assert terms("call", response=responses(30, 6)).response_probability == 0.2


def test_what_was_tried_often_is_believed_strongly() -> None:
    rates = StageRates.of(responses(30, 6), CATALOGUE)
    beliefs = rates.beliefs(np.array([STAGES.index("retention"), STAGES.index("awareness")]))
    place = [action.action_id for action in CATALOGUE.actions].index("letter")
    assert beliefs.strength[:, place].tolist() == [30 + 20, 20]
    assert beliefs.evidence[:, place].tolist() == [30, 0]
    assert beliefs.strength[0, place + 1] == 20, "another action"


def test_who_was_driven_away_makes_a_contact_dearer() -> None:
    # (2 + 500 x .002) / (30 + 500), and the stage's drawn to that: (2 + 500 x that) / (30 + 500)
    by_action = (2 + 500 * 0.002) / 530
    learned = terms("letter", response=responses(30, 6, unsubscribed=2))
    assert learned.leaving_cost == pytest.approx((2 + 500 * by_action) / 530 * 0.3 * 0.3 * 200)


def test_only_pushed_channels_drive_customers_away() -> None:
    costs = {each.action_id: each.terms.leaving_cost for each in decided().candidates}
    assert costs == {
        NO_ACTION: 0,
        "gift": 0,
        "deal": 0,
        "club": 0,
        **dict.fromkeys(("letter", "call", "both", "cheaper", "alike", "paid"), pytest.approx(LEAVING)),
    }


def test_the_weight_of_an_action_goes_before_its_groups_and_the_nearest_group_first() -> None:
    def weight(**context: float) -> float:
        return terms("call", ask=Ask(context=context)).context_weight

    assert weight(call=0, help=3, care=4, service=5) == 0
    assert weight(help=3, care=4, service=5) == 3
    assert weight(care=4, service=5) == 4
    assert weight(service=5) == 5
    assert weight(letter=5) == 1
    assert terms("club", ask=Ask(context={"care": 4})).context_weight == 1, "its group is above that"


def test_a_discount_on_products_is_no_more_than_their_price_and_no_more_than_the_order() -> None:
    def value(*prices: float | None) -> float:
        cart = [Product(str(n), "Tea", price=price) for n, price in enumerate(prices)]
        return terms("deal", replace(SITUATION, products={"cart": cart})).value

    assert value(10.0, 20.0) == pytest.approx(0.3 * 50 - 0.2 * 30)
    assert value(10.0, 90.0) == pytest.approx(0.3 * 50 - 0.2 * 50), "dearer than the order"
    assert value(10.0, None) == pytest.approx(0.3 * 50 - 0.2 * 50), "a price is not known"
    assert value(10.0, 10.0, 10.0, 999.0) == pytest.approx(0.3 * 50 - 0.2 * 30), "three are shown"


def test_moving_on_is_worth_what_the_journey_gains() -> None:
    told = journey(("retention", "2-3", 200.0, 50, False), ("advocacy", "2-3", 400.0, 900, False))
    club = terms("club", journey=told)
    # half of the difference is believed to come with the move, and half of that since only 50 customers were seen
    assert club.value == pytest.approx(0.3 * 0.5 * 50 / (50 + 50) * 200)
    assert club.value_source == "journey"
    assert terms("letter", journey=told).leaving_cost == pytest.approx(0.002 * 0.25 * 0.3 * 200)
    assert terms("letter", journey=told).value == pytest.approx(15), "it moves nobody"


@pytest.mark.parametrize(("orders", "gain"), [(0.0, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 3.0), (3.9, 3.0), (4.0, 4.0), (99.0, 4.0)])
def test_the_journey_is_told_by_number_of_orders(orders: float, gain: float) -> None:
    rows = [("retention", bucket, 0.0, 50, False) for bucket in ("0", "1", "2-3", "4+")]
    rows += [("advocacy", bucket, 400.0 * n, 50, False) for n, bucket in enumerate(("0", "1", "2-3", "4+"), 1)]
    buyer = replace(SITUATION, features={"order_count": orders})
    assert terms("club", buyer, journey=journey(*rows)).value == pytest.approx(0.3 * 100 * gain)


def test_before_histories_tell_the_share_of_an_order_stands_for_the_gain() -> None:
    assert terms("club").value == pytest.approx(0.3 * 100 * 0.5)
    assert terms("club").value_source == "prior"
    assumed = journey(("retention", "2-3", 200.0, 50, True), ("advocacy", "2-3", 400.0, 900, False))
    assert terms("club", journey=assumed).value == pytest.approx(15)
    assert terms("club", journey=assumed).value_source == "prior"
    elsewhere = journey(("retention", "1", 200.0, 50, False))
    assert terms("club", journey=elsewhere).value_source == "prior"
    assert terms("letter", journey=elsewhere).leaving_cost == pytest.approx(0.002 * 0.25 * 0.3 * 2 * 100), "two orders"


def test_what_the_stage_asked_for_is_worth_is_counted() -> None:
    assert terms("letter", ask=Ask(stage="awareness")).value == pytest.approx(0.3 * 100 * 0.02)


def test_several_channels_go_by_the_one_that_this_customer_answers() -> None:
    # untried, both are answered 2 % of the time: .02 x 10 - .02 by e-mail, .02 x 10 - .10 by SMS
    assert channel("both") == "email"
    by_sms = replace(SITUATION, answers={"sms": (10.0, 5.0), "email": (10.0, 0.0)})
    # (5 + 10 x .02) / 20 = .26 by SMS, .01 by e-mail
    assert channel("both", by_sms) == "sms"
    assert terms("both", by_sms).contact_cost == 0.10
    assert channel("both", replace(by_sms, consent={"sms": False})) == "email", "of those that are allowed"
    assert channel("both", by_sms, Ask(channels=frozenset({"email"}))) == "email"
    shop = ShopHabits(answers={"sms": (1_000.0, 300.0), "email": (1_000.0, 10.0)})
    assert channel("both", replace(SITUATION, shop=shop)) == "sms", "or by the one that the shop's customers answer"


def test_of_equally_answered_channels_the_cheaper_and_then_the_catalogues_first() -> None:
    assert channel("cheaper") == "sms"
    assert channel("alike") == "sms"
    assert channel("paid") == "email", "what brings nothing goes the cheapest way"


def test_a_dearer_channel_never_raises_the_priority_however_it_is_answered() -> None:
    def priority(cost: float) -> tuple[float, str, float]:
        text = f"{{margin_share: 0.3, actions: [{{action_id: a, channels: [email, app], value: 10, response_prior: 0.5, cost: {{email: {cost}, app: 0}}}}]}}"
        of = catalogue_of(document_of(text, "catalogue.yaml"))
        policy = default_policy(of, limits_of(document_of("{}", "limits.yaml"), catalogue=of), holdout_share=0.0, random_share=0.0)
        answers = {"email": (90.0, 81.0), "app": (90.0, 4.5)}
        first = decide(Situation("c", AT, "retention", answers=answers), Ask("d"), policy).candidates[1]
        return first.terms.priority, first.channel, first.terms.response_probability

    found = [priority(cost) for cost in (0, 1, 3, 4.2, 4.8, 8)]
    assert [each[0] for each in found] == sorted((each[0] for each in found), reverse=True)
    assert found[0][1:] == ("email", 0.5), "by the channel that is answered best, as often as the action is"
    assert found[-1][1] == "app"
    assert found[-1][2] < 0.06, "by the other, less in proportion"
