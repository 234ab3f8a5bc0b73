"""Messages: the customer's language and channel, money as it is written there, and hostile text that stays text."""

from collections.abc import Mapping
from datetime import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from decisions import locales
from decisions.actions import Action, Offer, Sender, Shop, Treatment
from decisions.catalogue import load_catalogue
from decisions.channels import CHANNELS, HTML_CHANNELS
from decisions.message_check import check
from decisions.messages import Message, Occasion, message
from decisions.situation import Product
from features.errors import InputError

BODY = "{{ customer.name }}|{{ products[0].name }}|{{ products[0].url }}|{{ product_list }}"
AT = datetime(2024, 3, 5)
SHOP = Shop(url="https://shop.example/")
LINH = Sender("Linh", "Customer care", "/static/linh.jpg")
HOSTILE = [
    "{{7*7}}",
    "<script>alert(1)</script>",
    "{% for x in range(9) %}x{% endfor %}",
    "'\"><img src=x onerror=alert(1)>",
    "Lan\r\nBcc: all@x.example",
    "Lan\u2028Bcc: all@x.example",
]


def acting(
    body: str, subject: str = "", *, channels: tuple[str, ...] = ("email",), locale: str = "vi", offer: Offer | None = None
) -> Action:
    texts = {channel: {locale: Treatment(body, subject, LINH)} for channel in channels}
    return Action("a", "A", channels, "a", treatments=texts, offer=offer)


def occasion(profile: Mapping[str, object], *products: Product, shop: Shop = Shop(), currency: str = "VND") -> Occasion:
    return Occasion(profile, AT, products, shop, currency)


def said(name: str, channel: str = "email", url: str = "https://x.example/1", product_id: str = "1", shop: Shop = Shop()) -> Message:
    action = acting(BODY, "{{ customer.name }}", channels=(channel,))
    found = message(action, channel, occasion({"name": name, "locale": "vi"}, Product(product_id, name, url), shop=shop))
    assert found is not None
    return found


def body(
    text: str,
    *products: Product,
    channel: str = "email",
    locale: str = "en",
    offer: Offer | None = None,
    shop: Shop = Shop(),
    currency: str = "VND",
) -> str:
    action = acting(text, channels=(channel,), locale=locale, offer=offer)
    found = message(action, channel, occasion({"locale": locale}, *products, shop=shop, currency=currency))
    assert found is not None
    return found.body


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_inert(name: str, channel: str) -> None:
    found = said(name, channel)
    assert found.channel == channel
    assert found.format == ("html" if channel in HTML_CHANNELS else "text")
    for text in (found.subject, found.body):
        assert "<script" not in text
        assert "<img" not in text
        assert "49" not in text
        assert "xxx" not in text
    assert len(found.subject.splitlines()) == 1
    assert "\r" not in found.body
    if "{" in name:
        assert name.split("}")[0][:3] in found.body


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:text/html,x", "//evil.example", 'https://x.example/"onclick=1', "https://x.example/a b", "https:///", ""],
)
def test_an_address_that_is_not_one_is_left_out(url: str) -> None:
    assert "href" not in said("Lan", url=url).body
    assert "|" + url + "|" not in said("Lan", url=url).body or url == ""


@pytest.mark.parametrize("product_id", ['"><script>', "../../admin?x=1#y", "a b/c&d", "javascript:x", "Trà", "{{7*7}}"])
@pytest.mark.parametrize("shop", [SHOP, Shop(product_url="https://shop.example/p?id={product_id}")])
def test_whatever_a_products_id_is_its_address_stays_within_the_shop(product_id: str, shop: Shop) -> None:
    found = said("Lan", url="", product_id=product_id, shop=shop).body.split("|")[2]
    prefix = "https://shop.example/p?id=" if shop.product_url else "https://shop.example/products/"
    assert found.startswith(prefix)
    assert found.removeprefix(prefix).replace("%", "").replace("-", "").replace(".", "").isalnum()


def test_a_products_address_is_its_own_or_made_by_the_shops_pattern_or_below_the_shop() -> None:
    own, path = Product("7 8", "Tea", "https://tea.example/7"), Product("7 8", "Tea", "/t/7")
    pattern = Shop(url="https://shop.example", product_url="https://shop.example/item-{product_id}.html")
    read = "{{ products[0].url }}"
    assert body(read, own, shop=pattern) == "https://tea.example/7"
    assert body(read, path, shop=pattern) == "https://shop.example/item-7%208.html"
    assert body(read, path, shop=SHOP) == "https://shop.example/products/7%208"
    assert body(read, path) == ""


@given(name=st.text(st.sampled_from("<>&'\"{}% \n\r\u2028\u202e\x00aế/=;"), min_size=1, max_size=30) | st.text(min_size=1, max_size=30))
@example(name="<b>")
def test_whatever_a_customer_is_called_the_html_is_ours(name: str) -> None:
    found = said(name)
    assert found.body.count("<") == len(["ul", "li", "a", "/a", "/li", "/ul"])
    assert found.body.count('"') == len(['href="', '"'])
    assert not set(found.subject) & set("\r\n\u2028\u202e\x00<>")
    assert "<" not in said(name, "sms").body


@pytest.mark.parametrize("channel", ["email", "sms"])
def test_a_product_list_says_names_prices_and_addresses(channel: str) -> None:
    listed = (Product("1", "Tea & cake", price=4.5), Product("2", "Cup"))
    html = (
        '<ul><li><a href="https://shop.example/products/1">Tea &amp; cake</a> – €4.50</li>'
        '<li><a href="https://shop.example/products/2">Cup</a></li></ul>'
    )
    lines = "- Tea & cake €4.50 https://shop.example/products/1\n- Cup https://shop.example/products/2"
    found = body("{{ product_list }}", *listed, channel=channel, shop=SHOP, currency="EUR")
    assert found == (html if channel == "email" else lines)


def test_a_product_counts_as_one_before_any_field_is_named() -> None:
    text = "{% for each in products %}{% if each %}{{ each.name }} {{ each.price }} {{ each.reason }};{% endif %}{% endfor %}"
    listed = (Product("1", "Tea", "", "again", 2.0), Product("2", "Cup"))
    assert body(text, *listed, currency="EUR") == "Tea €2.00 again;Cup  ;"


def test_the_sender_signs_with_a_photo_in_html_and_by_name_elsewhere() -> None:
    found = message(acting("{{ signature }}", channels=("email", "sms")), "email", occasion({}, shop=SHOP))
    assert found is not None
    photo = "https://shop.example/static/linh.jpg"
    assert found.body == f'<p><img src="{photo}" alt="Linh" width="48" height="48"> Linh, Customer care</p>'
    assert found.sender == Sender("Linh", "Customer care", photo)
    assert body("{{ signature }}", channel="sms") == "Linh, Customer care"
    assert body("{{ sender.photo_url }}", shop=SHOP) == photo
    nobody = Action("a", "A", ("email",), "a", treatments={"email": {"en": Treatment("{{ shop.name }}")}})
    spoken = message(nobody, "email", occasion({}, shop=Shop("Tea & co")))
    assert spoken is not None
    assert (spoken.sender, spoken.body) == (None, "Tea &amp; co")


def test_each_channel_says_its_own_text_and_a_silent_one_none() -> None:
    texts = {"email": {"en": Treatment("<p>Hello</p>")}, "sms": {"vi": Treatment("Chào"), "en": Treatment("Hello")}}
    action = Action("a", "A", ("email", "sms", "push"), "a", treatments=texts)
    found = [message(action, channel, occasion({"locale": "vi"})) for channel in action.channels]
    assert [each and (each.channel, each.locale, each.format, each.body) for each in found] == [
        ("email", "en", "html", "<p>Hello</p>"),
        ("sms", "vi", "text", "Chào"),
        None,
    ]


def test_an_offer_is_written_in_the_customers_language() -> None:
    offer = Offer(0.125, code="TEA", valid_days=14, free_shipping=True)
    text = "{{ offer.discount }} {{ offer.code }} {{ offer.until }} {{ offer.free_shipping }} {{ money(1234.5) }}"
    assert body(text, offer=offer, currency="EUR") == "12.5% TEA 19 March 2024 True €1,234.50"
    assert body(text, offer=offer, currency="EUR", locale="vi") == "12,5% TEA 19/03/2024 True 1.234,50 €"


@pytest.mark.parametrize(
    ("wanted", "got"), [("vi", "vi"), ("vi-VN", "vi"), ("vi_VN", "vi"), ("EN", "en"), ("fr", "en"), ("", "en"), ("zh-Hant", "zh-Hant")]
)
def test_the_nearest_language_is_chosen(wanted: str, got: str) -> None:
    assert locales.choose(wanted, ("vi", "en", "zh-Hant")) == got


def test_without_english_the_first_language_is_used_and_without_any_none() -> None:
    assert locales.choose("fr", ("vi",)) == "vi"
    assert locales.choose("fr", ()) is None
    assert message(Action("a", "A", ("email",), "a"), "email", occasion({"locale": 7})) is None


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("vi", True),
        ("en-GB", True),
        ("zh_Hant_TW", True),
        ("fil", True),
        ("es-419", True),
        ("vn", False),
        ("english", False),
        ("", False),
        ("e", False),
    ],
)
def test_a_locale_is_a_language_and_no_country(word: str, known: bool) -> None:
    assert locales.is_locale(word) is known


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
    assert (locales.share(0.1), locales.share(0.125), locales.share(0.125, "vi")) == ("10%", "12.5%", "12,5%")


@pytest.mark.parametrize(
    ("name", "locale", "greeted"),
    [
        ("Nguyễn Thị Lan", "vi", "Lan"),
        ("Nguyễn Thị Lan", "en", "Lan"),
        ("Mai Smith", "en", "Mai"),
        ("Mai Smith", "vi", "Smith"),
        ("Nguyễn", "en", "Nguyễn"),
        (" ", "vi", ""),
    ],
)
def test_a_customer_is_greeted_by_their_own_name(name: str, locale: str, greeted: str) -> None:
    assert locales.given_name(name, locale) == greeted


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{{ customer.nmae }}", "names customer.nmae; the nearest known is customer.name"),
        ("{{ shop.phone }}", "names shop.phone"),
        ("{{ custmer }}", "names 'custmer'"),
        ("{{ range(3) }}", "names 'range'"),
        ("{% if customer.city %}{{ products[0].nmae }}{% endif %}", "cannot be filled"),
        ("{% if not customer.city %}{{ 1 / 0 }}{% endif %}", "cannot be filled"),
        ("{{ customer.__class__ }}", "names customer.__class__"),
        ("{{ customer['__class__'] }}", "cannot be filled"),
        ("{% include 'x' %}", "cannot be filled"),
        ("{{ 'x' * offer.cost }}", "speaks of an offer, but the action makes none"),
    ],
)
def test_a_text_that_somebody_could_not_be_sent_is_refused(text: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        check(acting(text), "email", "vi", SHOP)


def test_the_welcome_discount_reads_as_written() -> None:
    catalogue = load_catalogue()
    action = catalogue.action("welcome_discount")
    assert action is not None
    assert action.offer == Offer(discount_share=0.10, code="WELCOME10", valid_days=14)
    vi = message(action, "email", Occasion({"name": "Nguyễn Thị Lan", "locale": "vi"}, AT, (), catalogue.shop, "VND"))
    assert vi is not None
    assert vi.subject == "Tặng bạn 10% cho đơn hàng đầu tiên"
    assert "Chào Lan," in vi.body
    assert "<strong>WELCOME10</strong>" in vi.body
    assert "19/03/2024" in vi.body
