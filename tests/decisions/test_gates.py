"""Gates, one by one: what each forbids, at its border, and with which reason."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from decisions import NO_ACTION, Ask, Contact, Decision, Limits, Product, Situation, Softmax, decide, default_policy
from decisions.actions import Catalogue
from decisions.catalogue import catalogue_of
from decisions.gates import LAYERS, Gates
from decisions.limits import limits_of as made
from decisions.limits import load_limits
from decisions.reading import document_of
from decisions.reasons import CODES, SENTENCES, reason

AT = datetime(2024, 3, 5, 9)
CATALOGUE: Catalogue = catalogue_of(
    document_of(
        """
margin_share: 0.3
groups:
  offer: {eligibility: vip == 1}
  discount: {within: offer, suitability: not churn_probability > 0.8}
series: {introduction: {actions: [first, second], every_days: 3}}
actions:
  - {action_id: letter, channel: email, group: care, stages: [retention, advocacy], cooldown_days: 7}
  - {action_id: note, channel: sms, group: care, when: order_count > 1 and not days_since_contact < 2}
  - {action_id: banner, channel: web, products: cart, placements: [home, cart]}
  - {action_id: coupon, channels: [email, sms], cost: {email: 0.25, sms: 0.5}, group: discount, applicability: order_count < 9}
  - {action_id: free, channel: web, group: offer}
  - {action_id: alert, channel: push}
  - {action_id: first, channel: app}
  - {action_id: second, channel: app, cooldown_days: 1}
""",
        "catalogue.yaml",
    ),
    attributes=["vip"],
)
SITUATION = Situation("c", AT, "retention", {"order_count": 2.0}, {"vip": 1.0}, products={"cart": [Product("1", "Tea")]})
BEST = Softmax(share=0.0, floor=0.0)


def limits_of(text: str) -> Limits:
    return made(document_of(text, "limits.yaml"), catalogue=CATALOGUE)


def decided(situation: Situation = SITUATION, ask: Ask = Ask(), limits: str = "{}", **more: Any) -> Decision:
    given: dict[str, Any] = {"exploration": BEST, "holdout_share": 0.0, "random_share": 0.0, **more}
    return decide(situation, ask, default_policy(CATALOGUE, limits_of(limits), **given))


def codes(action_id: str, situation: Situation = SITUATION, ask: Ask = Ask(), limits: str = "{}", **more: Any) -> list[str]:
    """What forbids the action; nothing where it is allowed."""
    found = next(each for each in decided(situation, ask, limits, **more).candidates if each.action_id == action_id)
    assert found.allowed or found.reasons
    return [] if found.allowed else [each.code for each in found.reasons]


def contacted(*contacts: tuple[str, str, float] | tuple[str, str, float, tuple[str, ...]], **more: Any) -> Situation:
    """After contacts, each an action, its channel, its age in days, and its outcomes."""
    rows = [(*each, ()) if len(each) == 3 else each for each in contacts]
    found = [Contact(f"d{n}", who, by, AT - timedelta(days=age), outcomes) for n, (who, by, age, outcomes) in enumerate(rows)]
    return replace(SITUATION, contacts=found, **more)


def knowing(features: Mapping[str, float] | None = None, **more: Any) -> Situation:
    return replace(SITUATION, features={**SITUATION.features, **(features or {})}, **more)


def test_without_a_cause_only_the_turn_in_a_series_forbids() -> None:
    assert {a.action_id: codes(a.action_id) for a in CATALOGUE.actions if codes(a.action_id)} == {"second": ["series"]}


def test_a_stage_is_one_of_the_actions() -> None:
    assert codes("letter", ask=Ask(stage="decision")) == codes("letter", replace(SITUATION, stage="decision")) == ["other_stage"]
    assert codes("letter", ask=Ask(stage="advocacy")) == codes("note", ask=Ask(stage="decision")) == []
    assert codes(NO_ACTION, ask=Ask(stage="decision", channels=frozenset(), placements=("elsewhere",))) == []


def test_channels_and_placements_are_what_was_asked_for() -> None:
    assert codes("letter", ask=Ask(channels=frozenset({"sms"}))) == codes("letter", ask=Ask(channels=frozenset())) == ["other_channel"]
    assert codes("coupon", ask=Ask(channels=frozenset({"sms"}))) == []
    assert codes("banner", ask=Ask(placements=("home",))) == codes("free", ask=Ask(placements=("home",))) == []
    assert codes("letter", ask=Ask(placements=("home",))) == ["other_placement"], "a letter is no banner"
    assert codes("banner", ask=Ask(placements=("checkout",))) == ["other_placement"]
    both = Ask(channels=frozenset({"sms"}), placements=("checkout",))
    assert codes("banner", ask=both) == ["other_channel"]


def test_a_visitor_has_no_address_but_a_device() -> None:
    nobody = replace(SITUATION, visitor=True)
    assert codes("letter", nobody) == codes("note", nobody) == ["no_address"]
    assert codes("coupon", nobody) == ["no_address", "no_address"], "neither by e-mail nor by SMS"
    assert codes("banner", nobody) == codes("free", nobody) == codes("alert", nobody) == []


def test_a_rule_that_does_not_hold_or_cannot_be_known() -> None:
    assert codes("note", knowing({"order_count": 1.0})) == codes("note", replace(SITUATION, features={})) == ["not_applicable"]
    assert codes("note", contacted(("banner", "web", 1.999))) == ["not_applicable"]
    assert codes("note", contacted(("banner", "web", 2.0))) == []


def test_an_actions_groups_have_rules_too_and_groups_above_them() -> None:
    assert codes("coupon", replace(SITUATION, profile={})) == ["not_eligible"]
    assert codes("free", replace(SITUATION, profile={})) == ["not_eligible"]
    assert codes("coupon", replace(SITUATION, churn_probability=0.81)) == ["not_suitable"]
    assert codes("coupon", replace(SITUATION, churn_probability=0.8)) == codes("free", replace(SITUATION, churn_probability=0.9)) == []


def test_an_action_that_speaks_of_products_needs_some() -> None:
    assert codes("banner", replace(SITUATION, products={"affinity": [Product("1", "Tea")]})) == ["no_products"]


def test_consent_is_asked_where_there_is_any_and_remarked_where_there_is_none() -> None:
    refused = replace(SITUATION, consent={"email": False, "sms": True})
    assert codes("letter", refused) == ["no_consent"]
    assert codes("note", refused) == []
    remarks = {each.action_id: [r.code for r in each.reasons] for each in decided(refused).candidates if each.allowed}
    assert remarks == {
        NO_ACTION: [],
        "note": [],
        "banner": ["consent_unknown"],
        "coupon": [],
        "free": ["consent_unknown"],
        "alert": ["consent_unknown"],
        "first": ["consent_unknown"],
    }


def test_an_action_goes_by_the_channel_that_is_left_and_both_refusals_are_told() -> None:
    by_sms = replace(SITUATION, consent={"email": False})
    coupon = next(each for each in decided(by_sms).candidates if each.action_id == "coupon")
    assert (coupon.channel, coupon.allowed, coupon.terms.contact_cost) == ("sms", True, 0.5)
    neither = replace(SITUATION, consent={"email": False, "sms": False})
    found = next(each for each in decided(neither).candidates if each.action_id == "coupon")
    assert [r.sentence for r in found.reasons] == ["The customer gave no consent to e-mail.", "The customer gave no consent to SMS."]


def test_who_unsubscribed_from_a_channel_is_left_in_peace_there() -> None:
    told = contacted(("other", "email", 300, ("viewed", "unsubscribed")))
    assert codes("letter", told) == ["unsubscribed"]
    assert codes("note", told) == codes("banner", told) == []
    assert codes("letter", contacted(("other", "sms", 300, ("unsubscribed",)))) == []


def test_who_unsubscribed_anywhere_gets_only_what_they_agreed_to_since() -> None:
    left = knowing({"days_since_unsubscribe": 0.0}, consent={"email": True, "sms": True})
    assert codes("letter", left) == ["unsubscribed"]
    assert codes("note", left) == []
    assert codes("note", replace(left, consent={})) == ["unsubscribed"]
    assert codes("banner", replace(left, consent={})) == []
    both_ways = contacted(("x", "email", 3, ("unsubscribed",)), features=left.features)
    assert codes("letter", both_ways) == ["unsubscribed"], "said once"


TWICE = "suppression: {rejected_count: 2, within_days: 30}"


def test_rejections_pause_the_action_its_group_and_the_groups_above() -> None:
    own = contacted(("letter", "email", 29.999, ("rejected",)), ("letter", "email", 20, ("viewed", "rejected")))
    assert codes("letter", own, limits=TWICE) == ["suppressed", "suppressed"], "the action and its group"
    assert codes("note", own, limits=TWICE) == ["suppressed"]
    assert codes("banner", own, limits=TWICE) == codes("coupon", own, limits=TWICE) == []
    nested = contacted(("coupon", "sms", 3, ("rejected",)), ("coupon", "email", 4, ("rejected",)))
    assert codes("free", nested, limits=TWICE) == ["suppressed"], "offer holds discount"
    above = contacted(("free", "web", 3, ("rejected",)), ("free", "web", 4, ("rejected",)))
    assert codes("coupon", above, limits=TWICE) == ["suppressed"], "said once for both channels"
    old = contacted(("letter", "email", 30, ("rejected",)), ("note", "sms", 20, ("rejected",)))
    assert codes("letter", old, limits=TWICE) == []
    once = contacted(("letter", "email", 8, ("rejected",)))
    assert codes("letter", once, limits=TWICE) == []
    assert codes("letter", once, limits="suppression: {rejected_count: 1, within_days: 9}") == ["suppressed", "suppressed"]


def test_a_series_goes_in_its_order_each_once_and_slowly() -> None:
    assert codes("second", contacted(("first", "app", 2.999))) == ["series"]
    assert codes("second", contacted(("first", "app", 3))) == []
    assert codes("first", contacted(("first", "app", 300))) == ["series_done"]
    done = contacted(("first", "app", 300), ("second", "app", 0.5))
    assert codes("second", done) == ["cooldown", "series_done"]
    assert codes("second", contacted(("second", "app", 30))) == ["series_done", "series"]


def test_reasons_come_in_the_order_of_the_layers() -> None:
    catalogue = catalogue_of(
        document_of(
            """
margin_share: 0.3
actions:
  - {action_id: all, channel: sms, stages: [decision], placements: [home], products: cart, cooldown_days: 2,
     eligibility: order_count > 5, when: order_count > 6, suitability: order_count > 7}
""",
            "c.yaml",
        )
    )
    strict = made(
        document_of(
            """
contacts: {sms: {day: 0}}
quiet_hours: {from: "08:00", until: "10:00", channels: [sms]}
budgets: {all: {per: month, contacts: 0}}
suppression: {rejected_count: 1, within_days: 9}
""",
            "l.yaml",
        ),
        catalogue=catalogue,
    )
    situation = Situation(
        "c",
        AT,
        "retention",
        consent={"sms": False},
        contacts=[Contact("d", "all", "sms", AT - timedelta(days=1), ("rejected", "unsubscribed"))],
        budgets_left={"all": (0.0, None)},
    )
    policy = default_policy(catalogue, strict, holdout_share=1.0)
    found = decide(situation, Ask(channels=frozenset({"email"})), policy).suppressed[0].reasons
    assert [each.code for each in found] == [
        "not_eligible",
        "other_channel",
        "not_applicable",
        "other_stage",
        "no_products",
        "not_suitable",
        "no_consent",
        "unsubscribed",
        "holdout",
        "suppressed",
        "contact_limit",
        "cooldown",
        "quiet_hours",
        "budget",
    ]
    placed = decide(situation, Ask(placements=("cart",)), policy).suppressed[0].reasons
    assert [each.code for each in placed][:3] == ["not_eligible", "other_placement", "not_applicable"]
    assert len({*found, *placed}) == len(found) + 1
    assert found[1].sentence == "It goes by SMS; asked for was email."
    assert found[-4].sentence == "The limit of sms is 0 in 1 days, and it is reached."
    assert found[-2].sentence_vi == "SMS im lặng từ 08:00 đến 10:00 theo giờ của khách."


def test_every_code_has_a_sentence_in_both_languages() -> None:
    told = {
        name: name
        for name in (
            "rule",
            "stages",
            "sources",
            "asked",
            "what",
            "most",
            "days",
            "begins",
            "ends",
            "series",
            "after",
            "channel",
            "placement",
        )
    }
    for code in CODES:
        said = reason(code, **told)
        assert said.sentence.endswith(".")
        assert said.sentence_vi.endswith(".")
        assert said.sentence != said.sentence_vi
        named = [{name for name in told if f"{{{name}}}" in text} for text in SENTENCES[code]]
        assert named[0] == named[1], "both say the same"


def test_every_gate_of_the_default_catalogue_has_a_known_layer_and_code() -> None:
    policy = default_policy()
    found = {gate.code: gate.layer for gate in policy.gates.gates}
    assert set(found) <= set(CODES)
    assert set(found.values()) <= set(LAYERS)
    assert policy.gates.guards.sum() >= 180
    assert not policy.gates.guards[0].any(), "no_action passes them all"


def test_a_gate_that_several_ways_share_is_judged_once() -> None:
    gates = Gates(CATALOGUE, load_limits(catalogue=CATALOGUE))
    assert len(set(gates.gates)) == len(gates.gates)
    shared = [gate for gate, ways in zip(gates.gates, gates.guards.T, strict=True) if ways.sum() > 1]
    assert {"no_consent", "unsubscribed", "suppressed", "contact_limit", "not_eligible"} <= {gate.code for gate in shared}
