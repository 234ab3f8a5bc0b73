"""The catalogue: the smallest form, the default one, and every mistake named with file, line, action and the nearest known word."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from decisions.actions import Catalogue
from decisions.catalogue import CHANNELS, catalogue_of, load_catalogue
from decisions.limits import Limit, limits_of, load_limits
from decisions.messages import Occasion, message
from decisions.reading import document_of
from decisions.situation import Product
from features.contract import NO_ACTION, STAGES
from features.errors import InputError

SMALLEST = "{margin_share: 0.3, actions: [{action_id: mens_email, channel: email, cost: 0.10, stages: [retention]}]}"


def catalogue(text: str, **more: object) -> Catalogue:
    return catalogue_of(document_of(text, "catalogue.yaml"), **more)


def one(action: str) -> str:
    return "margin_share: 0.3\nactions:\n  - {action_id: letter, channel: email}\n  - " + action


def test_the_smallest_form_is_whole() -> None:
    read = catalogue(SMALLEST)
    assert [a.action_id for a in read.actions] == [NO_ACTION, "mens_email"]
    assert read.actions[1].name == "Mens email"
    assert [w for w in read.warnings if "retention" in w] == []
    assert len(read.warnings) == len(STAGES) - 1
    assert f"{STAGES[0]} has no action" in read.warnings[0]


def test_no_action_may_be_listed_and_stands_once() -> None:
    read = catalogue("margin_share: 0.3\nactions: [{action_id: letter, channel: email}, {action_id: no_action, cost: 0}]")
    assert [a.action_id for a in read.actions] == [NO_ACTION, "letter"]
    assert read.warnings == ()  # an action without stages fits every stage


def test_a_catalogue_of_nothing_warns_for_every_stage() -> None:
    assert len(catalogue("{margin_share: 0.3, actions: []}").warnings) == len(STAGES)


def test_own_channels_and_attributes_are_known_when_they_are_named() -> None:
    text = "{margin_share: 0.3, channels: [zalo], actions: [{action_id: a, channel: zalo, when: vip_level > 2}]}"
    read = catalogue(text, attributes=["vip_level"])
    assert "zalo" in read.pushed_channels
    assert read.actions[1].when is not None
    assert limits_of(document_of("contacts: {zalo: {week: 1}}", "limits.yaml"), channels=read.channels).contacts == {"zalo": Limit(week=1)}


def test_another_currency_is_a_warning() -> None:
    assert "in EUR, but the home's currency is VND" in load_catalogue(currency="VND").warnings[-1]
    assert load_catalogue(currency="EUR").warnings == ()


def test_the_digest_follows_the_content_and_not_its_form() -> None:
    same = "actions:\n- channel: email\n  action_id: mens_email\n  cost: 0.1\n  stages: [retention]\nmargin_share: 0.3\n"
    assert catalogue(SMALLEST).digest == catalogue(same).digest
    assert catalogue(SMALLEST).digest != catalogue(SMALLEST.replace("0.10", "0.11")).digest


@pytest.mark.parametrize(
    ("text", "message_"),
    [
        ("margin_share: [", "catalogue.yaml, line"),
        ("- a list", "no mapping"),
        ("", "no mapping"),
        ("actions: []", "margin_share: Field required"),
        ("margin_share: 30\nactions: []", "line 1: margin_share: Input should be less than or equal to 1"),
        ("margin_share: .nan\nactions: []", "finite number"),
        ("margin_share: a third\nactions: []", "valid number"),
        ("margin_share: 0.3\nmargin_share: 0.4\nactions: []", "line 2: the key 'margin_share' stands there twice"),
        ("margin_share: 0.3\nactoins: []", "'actoins' is not known; the nearest known is 'actions'"),
        (
            "margin_share: 0.3\norder_shares: {retension: 1}\nactions: []",
            "line 2: order_shares: the stage 'retension' is not known.*'retention'",
        ),
        (one("{action_id: sms, channel: sms, csot: 1}"), "line 4: action 'sms'.*'csot' is not known; the nearest known is 'cost'"),
        (one("{action_id: letter, channel: email}"), "line 4: action 'letter', action_id: it stands twice.*line 3"),
        (one("{action_id: sms, channel: sms, cost: -1}"), "line 4: action 'sms', cost: Input should be greater than or equal to 0"),
        (one("{action_id: sms, channel: sms, cost: '1'}"), "action 'sms', cost: Input should be a valid number"),
        (one("{action_id: sms, channel: sms, response_prior: 2}"), "action 'sms', response_prior"),
        (one("{action_id: sms, channel: sms, lever: 6}"), "action 'sms', lever"),
        (one("{action_id: sms, channel: sms, products: afinity}"), "action 'sms', products: Input should be 'none', 'affinity'"),
        (one("{action_id: sms}"), "action 'sms', channel: it names no channel"),
        (one("{action_id: sms, channel: emial}"), "channel 'emial' is not known.*'email'"),
        (one("{action_id: sms, channel: sms, stages: [retension]}"), "stage 'retension' is not known.*'retention'"),
        (
            one("{action_id: sms, channel: sms, when: order_cuont > 1}"),
            "line 4: action 'sms', when: .*'order_cuont' at character 1.*'order_count'",
        ),
        (one("{action_id: sms, channel: sms, when: order_count >}"), "action 'sms', when: .*cannot be read"),
        (one("{action_id: no_action, channel: sms}"), "doing nothing costs nothing"),
        (one("{action_id: no_action, cost: 1}"), "doing nothing costs nothing"),
        (
            one("{action_id: sms, channel: sms, treatments: {en: {body: 'Hi {{ customer.nmae }}'}}}"),
            "action 'sms', treatments: en, body.*customer.nmae.*customer.name",
        ),
        (
            one("{action_id: sms, channel: sms, treatments: {en: {body: 'Hi {{ custmer }}'}}}"),
            "names 'custmer'; the nearest known is 'customer'",
        ),
        (one("{action_id: sms, channel: sms, treatments: {en: {body: 'Hi {{ customer.name'}}}"), "is not Jinja2"),
        (one("{action_id: sms, channel: sms, treatments: {en: {body: '{{ customer.name | shuot }}'}}}"), "No filter named 'shuot'"),
        (
            one("{action_id: sms, channel: sms, treatments: {en: {body: '{{ offer.code }}'}}}"),
            "speaks of an offer, but the action makes none",
        ),
        (one("{action_id: sms, channel: sms, treatments: {en: {body: '{{ sender.name }}'}}}"), "cannot be filled.*sender"),
        (one("{action_id: sms, channel: sms, treatments: {en: {body: '{{ products[0].name }}'}}}"), "cannot be filled"),
        (
            one("{action_id: sms, channel: sms, products: cart, treatments: {en: {body: '{{ products[0].nmae }}'}}}"),
            "cannot be filled.*nmae",
        ),
        (one("{action_id: sms, channel: sms, treatments: {en: {body: \"{{ ''.__class__.__mro__ }}\"}}}"), "cannot be filled"),
        (one("{action_id: sms, channel: sms, treatments: {en: {body: ''}}}"), "body"),
        (
            one("{action_id: a, channel: email, treatments: {en: {body: Hi, sender: {name: Shop, reply_to: no-reply@x.example}}}}"),
            "customers cannot answer",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place_and_remedy(text: str, message_: str) -> None:
    with pytest.raises(InputError, match="(?s)" + message_) as caught:
        catalogue(text)
    assert caught.value.remedy
    assert str(caught.value).startswith("catalogue.yaml")


def test_several_mistakes_are_counted() -> None:
    with pytest.raises(InputError, match="and 1 more mistake"):
        catalogue("{margin_share: 2, actions: 3}")


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        load_catalogue(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes("margin_share: 0.3 # é".encode("latin-1"))
    with pytest.raises(InputError, match="UTF-8"):
        load_catalogue(tmp_path / "latin.yaml")


@pytest.mark.parametrize(
    ("text", "message_"),
    [
        ("contacts: {emial: {day: 1}}", "the channel 'emial' is not known.*'email'"),
        ("contacts: {email: {dya: 1}}", "'dya' is not known; the nearest known is 'day'"),
        ("contacts: {email: {day: -1}}", "greater than or equal to 0"),
        ("suppression: {rejected_count: 0}", "greater than or equal to 1"),
    ],
)
def test_a_mistake_in_the_limits_is_named(text: str, message_: str) -> None:
    with pytest.raises(InputError, match=message_):
        limits_of(document_of(text, "limits.yaml"))


def test_the_default_limits_change_their_digest_with_their_content() -> None:
    limits = load_limits()
    assert limits.contacts["email"] == Limit(day=1, week=3)
    assert limits.digest != replace(limits, contacts={}).digest


def test_the_default_catalogue_has_three_actions_and_more_for_every_stage() -> None:
    actions = load_catalogue().actions
    for stage in STAGES:
        assert sum(stage in action.stages for action in actions) >= 3, stage


DEFAULTS = [action for action in load_catalogue().actions if action.action_id != NO_ACTION]


@pytest.mark.parametrize("locale", ["vi", "en"])
@pytest.mark.parametrize("action", DEFAULTS, ids=lambda a: a.action_id)
def test_every_default_message_reads_well_in_both_languages(action, locale) -> None:
    products = [Product("1", "Trà sen", "/products/1", price=4.5), Product("2", "Mứt gừng")][: 2 if action.products != "none" else 0]
    for profile in ({"name": "Nguyễn Thị Lan", "city": "Huế", "locale": locale}, {"locale": locale}):
        said = message(action, Occasion(profile, datetime(2024, 3, 5), products, load_catalogue().shop, "EUR"))
        assert said is not None
        assert said.locale == locale
        assert said.body
        assert said.sender is not None
        assert said.sender.name
        assert said.sender.title
        assert said.sender.photo_url
        assert "reply" not in said.sender.reply_to
        for text in (said.subject, said.body):
            assert "{" not in text
            assert "None" not in text
            assert "  " not in text.replace("\n", "")
            assert " ," not in text
        assert said.subject or action.channel in {"social", "sms", "store"}
        assert action.channel in CHANNELS
    assert set(action.treatments) == {"vi", "en"}
