"""The default catalogue and limits: complete in both languages, in any currency, and the tactics of the customer's journey."""

from datetime import datetime
from pathlib import Path

import pytest

from decisions.actions import Action, Catalogue
from decisions.catalogue import DEFAULT_CATALOGUE, catalogue_of, load_catalogue
from decisions.channels import HTML_CHANNELS
from decisions.default_catalogue import PER_EURO, WHOLE_FROM, default_catalogue_for, home_catalogue
from decisions.limits import load_limits
from decisions.messages import Occasion, message
from decisions.reading import document_of
from decisions.situation import Product
from features.contract import NO_ACTION, STAGES
from features.home import open_home

DEFAULT = load_catalogue()
ACTIONS = [action for action in DEFAULT.actions if action.action_id != NO_ACTION]
LISTED = [Product(str(n), name, price=4.5) for n, name in enumerate(("Trà sen", "Mứt gừng", "Bánh cốm"))]


TEXTS = [(action, channel, locale) for action in ACTIONS for channel in action.channels for locale in ("vi", "en")]


def test_every_stage_has_its_tactics() -> None:
    for stage in STAGES:
        assert sum(stage in action.stages for action in ACTIONS) >= 4, stage
    assert DEFAULT.warnings == ()
    assert load_limits(catalogue=DEFAULT).warnings == ()


def test_every_kind_of_rule_and_scope_is_shown_by_an_example() -> None:
    for kind in ("eligibility", "applicability", "suitability"):
        assert any(getattr(action, kind) for action in ACTIONS), kind
    assert {source for action in ACTIONS for source in action.products.sources} == {"cart", "viewed", "repeat", "affinity"}
    assert [action.action_id for action in ACTIONS if action.offer and action.offer.on_products] == ["chosen_items_discount"]
    assert DEFAULT.action("winback_offer").groups == ("discount", "offer")  # type: ignore[union-attr]
    assert {action.moves_to for action in ACTIONS if action.stages & {"awareness"}} == {"consideration"}
    assert {action.moves_to for action in ACTIONS if action.stages & {"consideration"}} == {"decision"}
    (series,) = DEFAULT.series
    assert all(DEFAULT.action(each).stages == {"consideration"} for each in series.action_ids)  # type: ignore[union-attr]


@pytest.mark.parametrize(("action", "channel", "locale"), TEXTS, ids=lambda value: getattr(value, "action_id", value))
def test_every_message_reads_well(action: Action, channel: str, locale: str) -> None:
    assert set(action.treatments[channel]) == {"vi", "en"}
    products = LISTED if action.products.sources else []
    for profile in ({"name": "Nguyễn Thị Lan", "city": "Huế", "locale": locale}, {"locale": locale}):
        said = message(action, channel, Occasion(profile, datetime(2024, 3, 5), products, DEFAULT.shop, "EUR"))
        assert said is not None
        assert (said.locale, said.channel) == (locale, channel)
        assert said.body
        assert said.sender is not None
        assert said.sender.name
        assert said.sender.title
        assert said.sender.photo_url.startswith("https://shop.example/")
        assert said.sender.reply_to.endswith("@shop.example")
        for text in (said.subject, said.body):
            assert "{" not in text
            assert "None" not in text
            assert "  " not in text.replace("\n", "")
            assert " ," not in text
            assert "()" not in text
        assert said.subject or channel in {"social", "sms", "store", "chat"}
        assert (said.format == "html") == (channel in HTML_CHANNELS)
        assert (said.format == "html") == said.body.startswith("<p>")
        assert channel != "sms" or len(said.body) <= 200
        if products and channel == "email":
            assert 'href="https://shop.example/products/0"' in said.body


def test_vietnamese_and_english_do_not_say_the_same_words() -> None:
    for action in ACTIONS:
        for by_locale in action.treatments.values():
            assert by_locale["vi"].body != by_locale["en"].body


def amounts(catalogue: Catalogue) -> list[float]:
    costs = [cost for action in catalogue.actions for cost in action.costs.values()]
    return costs + [action.offer.cost for action in catalogue.actions if action.offer]


@pytest.mark.parametrize("currency", sorted(PER_EURO))
def test_amounts_are_of_the_currencys_order_and_nothing_else_changes(currency: str) -> None:
    text = default_catalogue_for(currency)
    read = catalogue_of(document_of(text, "catalogue.yaml"), currency=currency)
    assert read.currency == currency
    assert read.warnings == ()
    for own, euros in zip(amounts(read), amounts(DEFAULT), strict=True):
        exact = euros * PER_EURO[currency]
        assert (own == 0) == (euros == 0)
        assert own == pytest.approx(exact, rel=0.06) or (exact < 10 and abs(own - exact) <= 1)
        assert PER_EURO[currency] < WHOLE_FROM or own == round(own)
    remarks = [line.partition("#")[2] for line in text.split("\n")]
    assert remarks == [line.partition("#")[2] for line in DEFAULT_CATALOGUE.read_text().split("\n")]
    assert [a.treatments for a in read.actions] == [a.treatments for a in DEFAULT.actions]
    assert [(a.response_prior, a.cooldown_days, a.products) for a in read.actions] == [
        (a.response_prior, a.cooldown_days, a.products) for a in DEFAULT.actions
    ]


def test_in_dong_a_letter_costs_hundreds_and_a_gift_a_hundred_thousand() -> None:
    read = catalogue_of(document_of(default_catalogue_for("VND"), "catalogue.yaml"))
    costs = {action.action_id: action.costs for action in read.actions}
    assert costs["welcome_discount"] == {"email": 250}
    assert costs["cart_reminder"] == {"email": 250, "push": 25, "sms": 1500}
    assert read.action("referral_programme").offer.cost == 120_000  # type: ignore[union-attr]


def test_an_unknown_currency_keeps_euros_and_is_warned_of() -> None:
    text = default_catalogue_for("XTS")
    assert text == DEFAULT_CATALOGUE.read_text()
    warned = catalogue_of(document_of(text, "catalogue.yaml"), currency="XTS").warnings
    assert any("in EUR, but the home's currency is XTS" in warning for warning in warned)


def test_a_home_gets_its_catalogue_once_and_keeps_what_was_edited(tmp_path: Path) -> None:
    home = open_home(tmp_path / "shop", currency="VND")
    path = home_catalogue(home)
    assert path == home.config / "catalogue.yaml"
    assert load_catalogue(path, currency="VND").warnings == ()
    path.write_text("{margin_share: 0.3, actions: []}")
    assert home_catalogue(home).read_text() == "{margin_share: 0.3, actions: []}"
