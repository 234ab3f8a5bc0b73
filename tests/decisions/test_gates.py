"""Gates, one by one: what each forbids, at its border, and with which reason."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from decisions import gates
from decisions.actions import Action, Catalogue
from decisions.catalogue import catalogue_of
from decisions.limits import Limits, limits_of
from decisions.moment import Moment, moment_of
from decisions.reading import document_of
from decisions.situation import Ask, Contact, Product, Situation
from features.errors import InputError

AT = datetime(2024, 3, 5, 9)
CATALOGUE: Catalogue = catalogue_of(
    document_of(
        """
margin_share: 0.3
actions:
  - {action_id: letter, channel: email, group: care, stages: [retention], cooldown_days: 7}
  - {action_id: note, channel: sms, group: care, when: order_count > 1 and not days_since_contact < 2}
  - {action_id: banner, channel: web, products: cart}
""",
        "catalogue.yaml",
    )
)
LIMITS: Limits = limits_of(
    document_of(
        "contacts: {email: {day: 1, week: 2}, every_pushed_channel: {week: 3}}\nsuppression: {rejected_count: 2, within_days: 30}",
        "limits.yaml",
    )
)
SITUATION = Situation("c", AT, "retention", features={"order_count": 2.0}, products={"cart": [Product("1", "Tea")]})


def action(action_id: str) -> Action:
    found = CATALOGUE.action(action_id)
    assert found is not None
    return found


def moment(situation: Situation = SITUATION, ask: Ask = Ask()) -> Moment:
    return moment_of(situation, ask, CATALOGUE, LIMITS)


def codes(action_id: str, situation: Situation = SITUATION, ask: Ask = Ask()) -> list[str]:
    return [reason.code for reason in gates.verdict(action(action_id), moment(situation, ask))]


def contacted(*contacts: tuple[str, str, float, tuple[str, ...]]) -> Situation:
    made = [Contact(f"d{n}", who, channel, AT - timedelta(days=age), outcomes) for n, (who, channel, age, outcomes) in enumerate(contacts)]
    return replace(SITUATION, contacts=made)


def test_without_a_cause_nothing_is_forbidden() -> None:
    assert [codes(a.action_id) for a in CATALOGUE.actions] == [[], [], [], []]


def test_stage_and_channel() -> None:
    assert codes("letter", ask=Ask(stage="decision")) == ["other_stage"]
    assert codes("note", ask=Ask(stage="decision")) == []
    assert codes("letter", ask=Ask(channels=frozenset({"sms"}))) == ["other_channel"]
    assert codes("letter", ask=Ask(channels=frozenset())) == ["other_channel"]
    assert codes("no_action", ask=Ask(stage="decision", channels=frozenset())) == []


def test_a_rule_that_does_not_hold_or_cannot_be_known() -> None:
    assert codes("note", replace(SITUATION, features={"order_count": 1.0})) == ["not_eligible"]
    assert codes("note", replace(SITUATION, features={})) == ["not_eligible"]
    assert codes("note", contacted(("banner", "web", 1, ()))) == ["not_eligible"]
    assert codes("note", contacted(("banner", "web", 3, ()))) == []


def test_consent_is_asked_where_there_is_any_and_remarked_where_there_is_none() -> None:
    refused = replace(SITUATION, consent={"email": False, "sms": True})
    assert codes("letter", refused) == ["no_consent"]
    assert codes("note", refused) == []
    assert [r.code for r in gates.remarks(action("banner"), moment(refused))] == ["consent_unknown"]
    assert gates.remarks(action("note"), moment(refused)) == ()


def test_who_unsubscribed_is_left_in_peace() -> None:
    assert codes("letter", contacted(("other", "email", 300, ("viewed", "unsubscribed")))) == ["unsubscribed"]
    assert codes("note", contacted(("other", "email", 300, ("unsubscribed",)))) == []
    left = replace(SITUATION, features={"order_count": 2.0, "days_since_unsubscribe": 40.0}, consent={"email": True, "sms": True})
    assert codes("letter", left) == ["unsubscribed"]
    assert codes("note", left) == []
    assert codes("note", replace(left, consent={})) == ["unsubscribed"]
    assert codes("banner", replace(left, consent={})) == []


def test_rejections_pause_the_action_and_its_group() -> None:
    twice = contacted(("letter", "email", 29.9, ("rejected",)), ("note", "sms", 20, ("viewed", "rejected")))
    assert codes("letter", twice) == ["suppressed"]
    assert codes("note", twice) == ["suppressed"]
    assert codes("banner", twice) == []
    assert codes("letter", contacted(("letter", "email", 30, ("rejected",)), ("note", "sms", 20, ("rejected",)))) == []


def test_an_action_rests_until_its_cooldown_is_over() -> None:
    assert codes("letter", contacted(("letter", "email", 6.99, ()))) == ["cooldown"]
    assert codes("letter", contacted(("letter", "email", 7, ()))) == []
    assert codes("letter", contacted(("letter", "email", -1, ()))) == []  # what comes after as_of is not known


def test_contacts_are_limited_per_channel_and_over_all_pushed_channels() -> None:
    assert codes("letter", contacted(("x", "email", 0.99, ()))) == ["contact_limit"]
    assert codes("letter", contacted(("x", "email", 1, ()))) == []
    assert codes("letter", contacted(("x", "email", 3, ()), ("x", "email", 6.9, ()))) == ["contact_limit"]
    assert codes("letter", contacted(("x", "email", 3, ()), ("x", "email", 7, ()))) == []
    assert codes("note", contacted(*[("x", "sms", 3, ())] * 3)) == ["contact_limit"]
    assert codes("letter", contacted(*[("x", "sms", 3, ())] * 3)) == ["contact_limit"]
    assert codes("banner", contacted(*[("x", "sms", 3, ())] * 3)) == []
    assert codes("note", contacted(*[("x", "web", 3, ())] * 9)) == []
    assert codes("note", contacted(*[("no_action", "sms", 3, ())] * 9)) == []


def test_an_action_that_speaks_of_products_needs_some() -> None:
    assert codes("banner", replace(SITUATION, products={"affinity": [Product("1", "Tea")]})) == ["no_products"]


def test_all_reasons_are_recorded_as_sentences() -> None:
    found = gates.verdict(
        action("letter"), moment(replace(contacted(("letter", "email", 0.5, ())), consent={"email": False}), Ask(stage="purchase"))
    )
    assert [r.code for r in found] == ["other_stage", "no_consent", "cooldown", "contact_limit"]
    assert found[2].sentence == "It was used on 4 March 2024 and rests for 7 days."
    assert all(r.sentence.endswith(".") for r in found)


def test_reservations_say_which_counts_the_answer_takes() -> None:
    picked = moment().after(action("letter")).after(action("banner")).after(action("note"))
    found = {(r.channels, r.days): (r.most, r.count) for r in gates.reservations(picked)}
    assert found[("email",), 1] == (1, 1)
    assert found[("email", "mail", "phone", "push", "sms"), 7] == (3, 2)
    assert ("web",) not in {channels for channels, _ in found}


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (Ask(stage="retension"), "'retension' is not known.*'retention'"),
        (Ask(context={"leter": 1}), "'leter'.*'letter'"),
        (Ask(context={"letter": 5.1}), "from 0 to 5"),
        (Ask(context={"letter": -1}), "from 0 to 5"),
        (Ask(context={"letter": float("nan")}), "from 0 to 5"),
        (Ask(context={"letter": "much"}), "from 0 to 5"),
        (Ask(context={"letter": True}), "from 0 to 5"),
        (Ask(k=0), "1 to 50"),
        (Ask(k=51), "1 to 50"),
        (Ask(k=True), "1 to 50"),
    ],
)
def test_an_ask_that_cannot_be_used_is_refused(ask: Ask, message: str) -> None:
    with pytest.raises(InputError, match=message):
        moment(ask=ask)


def test_a_situation_in_an_unknown_stage_is_refused() -> None:
    with pytest.raises(InputError, match="'' is not known"):
        moment(replace(SITUATION, stage=""))
