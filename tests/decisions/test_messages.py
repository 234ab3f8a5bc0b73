"""Messages: the customer's language, money as it is written there, and hostile text that stays text."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisions import locales
from decisions.actions import Action, Offer, Sender, Shop, Treatment
from decisions.catalogue import load_catalogue
from decisions.messages import Message, Occasion, message
from decisions.situation import Product

BODY = "{{ customer.name }}|{{ products[0].name }}|{{ products[0].url }}|{{ product_list }}"


def said(name: str, channel: str = "email", url: str = "https://x.example/1", locale: str = "vi", **more: str) -> Message:
    action = Action("a", "A", channel, "a", frozenset(), 0.0, treatments={"vi": Treatment(BODY, "{{ customer.name }}", Sender("Linh"))})
    occasion = Occasion({"name": name, "locale": locale}, datetime(2024, 3, 5), [Product("1", name, url, **more)], Shop(), "VND")
    found = message(action, occasion)
    assert found is not None
    return found


@pytest.mark.parametrize("channel", ["email", "web", "app", "ads", "sms", "push", "phone", "store", "social"])
@pytest.mark.parametrize(
    "name",
    [
        "{{7*7}}",
        "<script>alert(1)</script>",
        "{% for x in range(9) %}x{% endfor %}",
        "'\"><img src=x onerror=alert(1)>",
        "Lan\r\nBcc: all@x.example",
    ],
)
def test_a_hostile_name_is_inert(name: str, channel: str) -> None:
    found = said(name, channel)
    for text in (found.subject, found.body):
        assert "<script" not in text
        assert "<img" not in text
        assert "49" not in text
        assert "xxx" not in text
    assert "\n" not in found.subject
    assert "\r" not in found.body
    if "{" in name:
        assert name.split("}")[0][:3] in found.body


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "//evil.example", 'https://x.example/"onclick=1', "https://x.example/a b", ""]
)
def test_an_address_that_is_not_one_is_left_out(url: str) -> None:
    assert "href" not in said("Lan", url=url).body
    assert "|" + url + "|" not in said("Lan", url=url).body or url == ""


@given(name=st.text(max_size=30))
def test_whatever_a_customer_is_called_the_html_is_ours(name: str) -> None:
    body = said(name).body
    assert body.count("<") == len(["ul", "li", "a", "/a", "/li", "/ul"])


def test_plain_text_lists_products_in_lines() -> None:
    assert said("Lan", "sms", "/p/1").body.endswith("- Lan /p/1")


@pytest.mark.parametrize(
    ("wanted", "got"), [("vi", "vi"), ("vi-VN", "vi"), ("vi_VN", "vi"), ("EN", "en"), ("fr", "en"), ("", "en"), ("zh-Hant", "zh-Hant")]
)
def test_the_nearest_language_is_chosen(wanted: str, got: str) -> None:
    assert locales.choose(wanted, ("vi", "en", "zh-Hant")) == got


def test_without_english_the_first_language_is_used_and_without_any_none() -> None:
    assert locales.choose("fr", ("vi",)) == "vi"
    assert locales.choose("fr", ()) is None
    assert message(Action("a", "A", "email", "a", frozenset(), 0.0), Occasion({}, datetime(2024, 1, 1), (), Shop(), "EUR")) is None


@pytest.mark.parametrize(
    ("amount", "locale", "currency", "text"),
    [
        (1234500, "vi", "VND", "1.234.500 ₫"),
        (1234500.4, "en", "VND", "₫1,234,500"),
        (1234.5, "vi-VN", "EUR", "1.234,50 €"),
        (1234.5, "en", "EUR", "€1,234.50"),
        (-2.5, "en", "USD", "-$2.50"),
        (-0.001, "en", "USD", "$0.00"),
        (12, "en", "CHF", "CHF 12.00"),
    ],
)
def test_money_is_written_as_the_language_writes_it(amount: float, locale: str, currency: str, text: str) -> None:
    assert locales.money(amount, locale, currency) == text


def test_dates_shares_and_names_are_written_as_the_language_writes_them() -> None:
    assert (locales.day(datetime(2024, 11, 5), "vi"), locales.day(datetime(2024, 11, 5), "en")) == ("05/11/2024", "5 November 2024")
    assert (locales.share(0.1), locales.share(0.125)) == ("10%", "12.5%")
    assert (locales.given_name("Nguyễn Thị Lan", "vi"), locales.given_name("Lan Nguyen", "en"), locales.given_name(" ", "vi")) == (
        "Lan",
        "Lan",
        "",
    )


def test_the_welcome_discount_reads_as_written() -> None:
    catalogue = load_catalogue()
    action = catalogue.action("welcome_discount")
    assert action is not None
    assert action.offer == Offer(discount_share=0.10, code="WELCOME10", valid_days=14)
    vi = message(action, Occasion({"name": "Nguyễn Thị Lan", "locale": "vi"}, datetime(2024, 3, 5), (), catalogue.shop, "VND"))
    assert vi is not None
    assert vi.subject == "Tặng bạn 10% cho đơn hàng đầu tiên"
    assert "Chào Lan," in vi.body
    assert "<strong>WELCOME10</strong>" in vi.body
    assert "19/03/2024" in vi.body
