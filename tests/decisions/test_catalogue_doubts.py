"""What can be used but is probably not meant, one by one; and nothing is said of what is well."""

import pytest

from decisions.actions import Catalogue
from decisions.catalogue import catalogue_of, load_catalogue
from decisions.catalogue_doubts import doubts, locales_of
from decisions.limits import Limits, limits_of, load_limits
from decisions.reading import document_of

HEAD = "margin_share: 0.3\nactions:\n"
WELL = HEAD + "  - {action_id: letter, channel: email, cost: 1, treatments: {en: {subject: Hi, body: Hi}}}\n"


def read(text: str) -> Catalogue:
    return catalogue_of(document_of(text, "catalogue.yaml"))


def limits(text: str, catalogue: Catalogue) -> Limits:
    return limits_of(document_of(text, "limits.yaml"), catalogue=catalogue)


def about(text: str, limited: str = "suppression: {}") -> str:
    catalogue = read(text)
    return "\n".join(doubts(catalogue, limits(limited, catalogue)))


def test_nothing_is_said_of_what_is_well() -> None:
    assert about(WELL) == ""


def test_the_default_files_leave_only_the_addresses_to_write() -> None:
    catalogue = load_catalogue()
    found = doubts(catalogue, load_limits(catalogue=catalogue))
    assert [sentence.split(":")[0] for sentence in found] == ["shop", "senders"]
    assert sorted(locales_of(catalogue)) == ["en", "vi"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("  - {action_id: b, channel: web}", "action 'b' has no text: answers name it"),
        ("  - {action_id: b, channel: web, treatments: {vi: {body: Hi}}}", "action 'b' has no text by web in en, which others have."),
        ("  - {action_id: b, channels: [web, sms], treatments: {web: {en: {body: Hi}}}}", "action 'b' has no text by sms in en"),
        ("  - {action_id: b, channel: push, treatments: {en: {body: Hi}}}", "action 'b' has no subject by push in en."),
        ("  - {action_id: b, channel: sms, treatments: {en: {body: Hi}}}\ngroups: {offer: {}}", "the group 'offer' has no action."),
        ("  - {action_id: tea time, channel: email, treatments: {en: {subject: Hi, body: Hi}}}", "'tea time' has a blank in its action_id"),
        (
            "  - {action_id: b, channel: web, when: order_count == 'two', treatments: {en: {body: Hi}}}",
            "action 'b', applicability: order_count",
        ),
        ("shop: {url: 'https://shop.example'}", "links lead to https://shop.example, an example"),
        ("senders: {en: {name: Linh, reply_to: linh@shop.example}}", "answers go to linh@shop.example, an example"),
    ],
)
def test_a_doubt_is_told(more: str, said: str) -> None:
    assert said in about(WELL + more)


@pytest.mark.parametrize(
    ("offer", "body", "said"),
    [
        ("code: TEA", "until {{ offer.until }}", "action 'b' says offer.until, which stays empty: its offer has no valid_days."),
        ("valid_days: 7", "code {{ offer.code }}", "says offer.code, which stays empty: its offer has no code."),
        ("code: TEA", "{{ offer.discount }} off", "says offer.discount, which stays empty: its offer has no discount_share."),
        ("valid_days: 7", "until {{ offer.until }}", ""),
        ("code: TEA", "{% if offer.until %}until {{ offer.until }}{% endif %}", ""),
    ],
)
def test_words_of_an_offer_that_stay_empty_are_told(offer: str, body: str, said: str) -> None:
    told = about(WELL + f"  - {{action_id: b, channel: web, offer: {{{offer}}}, treatments: {{en: {{body: '{body}'}}}}}}")
    assert said in told
    assert bool(told) == bool(said)


def test_without_any_texts_none_is_missed() -> None:
    assert about(HEAD + "  - {action_id: a, channel: email}") == ""


@pytest.mark.parametrize(
    ("series", "said"),
    [
        ("[a, c, b]", "the series 's' needs another stage for 'b' than for its first action."),
        ("[a, b]", "the series 's' goes backwards: 'b' stands after 'a', but is for an earlier stage."),
        ("[a, c]", ""),
    ],
)
def test_a_series_that_leaves_its_stage_or_runs_backwards_is_told(series: str, said: str) -> None:
    actions = (
        "  - {action_id: a, channel: web, stages: [consideration, decision]}\n"
        "  - {action_id: b, channel: web, stages: [awareness]}\n"
        "  - {action_id: c, channel: web}\n"
    )
    found = about(f"{HEAD}{actions}series: {{s: {{actions: {series}, every_days: 1}}}}").split("\n")
    told = [sentence for sentence in found if sentence.startswith("the series")]
    assert (told == []) if said == "" else (said in told)


@pytest.mark.parametrize(
    ("limited", "said"),
    [
        ("contacts: {email: {day: 1, week: 7}}", ""),
        (
            "contacts: {email: {day: 1, week: 8}}",
            "limits, contacts, email: 8 per week is never reached: its own limit of 1 per day stops before.",
        ),
        ("contacts: {email: {day: 3, week: 2}}", "limits, contacts, email: 3 per day is never reached: its own limit of 2 per week"),
        ("contacts: {email: {day: 2, week: 2}}", ""),
        ("contacts: {email: {week: 2, month: 10}}", ""),
        ("contacts: {email: {week: 2, month: 11}}", "11 per month is never reached"),
        (
            "contacts: {every_pushed_channel: {week: 2}, email: {week: 3}}",
            "email: 3 per week is never reached: all pushed channels limit of 2 per week",
        ),
        ("contacts: {every_pushed_channel: {week: 2}, web: {week: 3}}", ""),
        (
            "actions: {letter: {month: 3}}\ngroups: {letter: {month: 2}}",
            "actions, letter: 3 per month is never reached: the group letter limit",
        ),
        ("budgets: {letter: {per: day, money: 0.5}}", "budgets, letter: 0.5 per day is less than one contact costs"),
        ("budgets: {letter: {per: day, money: 1}}", ""),
    ],
)
def test_a_limit_that_is_never_reached_is_told(limited: str, said: str) -> None:
    found = about(WELL, limited)
    assert (found == "") if said == "" else (said in found)


def test_a_group_is_limited_by_the_groups_above_it() -> None:
    text = WELL.replace("cost: 1", "group: low") + "groups: {high: {}, low: {within: high}}"
    assert "groups, low: 3 per month is never reached: the group high limit of 2 per month" in about(
        text, "groups: {high: {month: 2}, low: {month: 3}}"
    )
    assert about(text, "groups: {high: {month: 3}, low: {month: 2}}") == ""
