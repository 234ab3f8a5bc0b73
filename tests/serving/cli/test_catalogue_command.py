"""`nextbest catalogue`: what it shows of a whole catalogue, and how it names what is wrong, with a home and without one."""

import json

import pandas as pd
import pytest

from features.home import open_home

BAD = "margin_share: 0.3\nactions:\n  - {action_id: letter, channel: email}\n  - {action_id: note, channel: smss}\n"
HOSTILE = """
margin_share: 0.3
currency: EUR
shop: {url: "https://tea.example"}
actions:
  - action_id: letter
    name: "</title><script>alert(1)</script>"
    channels: [email, sms]
    treatments:
      email: {en: {subject: "<b>Hi</b> & you", body: "<p>\\"quoted\\" <script>alert(2)</script></p>", sender: {name: "<i>Linh</i>", photo_url: "/linh.jpg"}}}
      sms: {en: {body: "1 < 2"}}
"""


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "home", currency="VND")


def test_a_fresh_home_has_a_catalogue_in_its_currency(nextbest, home):
    ended = nextbest("catalogue", "check")
    assert ended.code == 0, ended.err
    assert "29 actions, " in ended.out
    assert "No mistakes; 2 remarks." in ended.out
    for stage in ("awareness", "consideration", "decision", "purchase", "retention", "advocacy"):
        assert stage in ended.out
    assert "currency: VND" in (home.config / "catalogue.yaml").read_text()
    assert (home.config / "limits.yaml").exists()


def test_without_a_home_the_default_catalogue_is_told_and_nothing_is_made(nextbest, tmp_path):
    ended = nextbest("catalogue", "check")
    assert ended.code == 0
    assert "There is no home at" in ended.err
    assert not (tmp_path / "home").exists()


def test_without_a_home_the_amounts_are_in_the_currency_that_one_would_get(nextbest, tmp_path, monkeypatch):
    monkeypatch.setenv("NEXTBEST_CURRENCY", "VND")
    ended = nextbest("catalogue", "explain", "winback_offer")
    assert ended.code == 0
    assert "catalogue and limits are the default ones" in ended.err
    assert "By email: 250 VND for each contact." in ended.out
    assert not (tmp_path / "home").exists()


@pytest.mark.usefixtures("home")
def test_a_machine_reads_the_same(nextbest):
    told = json.loads(nextbest("--json", "catalogue", "check").out)
    assert (told["actions"], sorted(told["locales"])) == (29, ["en", "vi"])
    assert "cart_reminder" in told["stages"]["decision"]
    assert len(told["warnings"]) == 2
    explained = json.loads(nextbest("--json", "catalogue", "explain", "winback_offer").out)
    assert explained["action_id"] == "winback_offer"
    assert {each["channel"] for each in explained["messages"]} == {"email", "sms"}


def test_what_no_customer_and_no_product_has_is_remarked(nextbest, home):
    home.table("customers").parent.mkdir(exist_ok=True)
    pd.DataFrame({"customer_id": ["1", "2"], "city": ["Hà Nội", "Huế"]}).to_parquet(home.table("customers"))
    pd.DataFrame({"product_id": ["1"], "category": ["Food > Tea"]}).to_parquet(home.table("products"))
    action = "{action_id: letter, channel: email, when: \"city in ['Huế', 'Hanoi']\", products: {from: cart, categories: [Tea, Food]}}"
    (home.config / "catalogue.yaml").write_text(f"margin_share: 0.3\nactions:\n  - {action}\n")
    told = json.loads(nextbest("--json", "catalogue", "check").out)["warnings"]
    assert "action 'letter', applicability: no customer has the city 'Hanoi'; the nearest is 'Hà Nội'." in told
    assert "action 'letter', products: no product is within the category 'Tea'; the nearest is 'Food > Tea'." in told
    assert sum("'letter', " in sentence for sentence in told) == 2


@pytest.mark.parametrize("command", [("check",), ("explain", "letter")])
@pytest.mark.parametrize("with_home", [True, False])
def test_the_first_mistake_is_named_with_its_line(nextbest, tmp_path, command, with_home):
    if with_home:
        open_home(tmp_path / "home")
    file = tmp_path / "bad.yaml"
    file.write_text(BAD)
    ended = nextbest("catalogue", *command, "--catalogue", file)
    assert ended.code == 2
    assert f"nextbest: {file}, line 4: action 'note', channel: the channel 'smss' is not known.\n  The nearest known is 'sms'" in ended.err
    assert ended.out == ""


def test_a_mistake_in_the_homes_limits_is_named_too(nextbest, home):
    (home.config / "limits.yaml").write_text("groups:\n  ofer: {month: 1}\n")
    ended = nextbest("catalogue", "check")
    assert ended.code == 2
    assert "limits.yaml, line 2: groups, ofer: the group 'ofer' is not known" in ended.err


@pytest.mark.usefixtures("home")
def test_an_action_is_explained_in_plain_words(nextbest):
    ended = nextbest("catalogue", "explain", "winback_offer", "--locale", "vi")
    assert ended.code == 0
    for told in (
        "Its group is discount, within offer.",
        "If churn_probability >= 0.6 or overdue_ratio >= 2.",
        "If not churn_probability < 0.3, as everything in discount.",
        "By email: 250 VND for each contact.",
        "(0.3 margin - 0.15 discount) x expected order value x 0.8 of an order; with an order of 1,250,000 VND, 150,000 VND.",
        "believed 10 % more: 17.6 %",
        "At most 1 in 7 days and 3 in 30 days, counting everything in offer.",
        "Nothing goes by sms from 21:00 until 08:00",
        "overdue_ratio: ",
        "By sms, in vi, from Nguyễn Thuỳ Linh",
    ):
        assert told in ended.out, told
    assert "in en" not in ended.out


@pytest.mark.usefixtures("home")
def test_a_series_says_its_place(nextbest):
    ended = nextbest("catalogue", "explain", "customer_story")
    said = "It is number 2 of 4 in the series introduction, once for each customer, after personal_letter, at least 4 days later."
    assert said in " ".join(ended.out.split())


@pytest.mark.usefixtures("home")
def test_no_action_can_be_explained(nextbest):
    ended = nextbest("catalogue", "explain", "no_action")
    assert ended.code == 0
    assert "Nothing, at no risk" in ended.out


@pytest.mark.usefixtures("home")
def test_an_unknown_action_names_the_nearest(nextbest):
    ended = nextbest("catalogue", "explain", "winback_ofer")
    assert ended.code == 2
    assert "There is no action 'winback_ofer'.\n  The nearest is 'winback_offer' of " in ended.err


@pytest.mark.usefixtures("home")
def test_a_language_that_it_does_not_speak_is_named(nextbest):
    ended = nextbest("catalogue", "explain", "winback_offer", "--locale", "fr")
    assert ended.code == 2
    assert "says nothing in 'fr'.\n  It speaks en, vi." in ended.err


def test_the_preview_is_a_page_that_runs_nothing(nextbest, tmp_path):
    (tmp_path / "hostile.yaml").write_text(HOSTILE)
    page = tmp_path / "preview.html"
    ended = nextbest("catalogue", "explain", "letter", "--catalogue", tmp_path / "hostile.yaml", "--output", page)
    assert ended.code == 0, ended.err
    text = page.read_text()
    assert "<script" not in text
    assert 'sandbox="" ' in text
    assert "default-src 'none'" in text
    assert 'srcdoc="&lt;p&gt;&#34;quoted&#34; &lt;script&gt;' in text
    assert '<img src="https://tea.example/linh.jpg"' in text
    assert "<strong>&lt;i&gt;Linh&lt;/i&gt;</strong>" in text
    assert "<pre>1 &lt; 2</pre>" in text
    refused = nextbest(
        "catalogue", "explain", "letter", "--catalogue", tmp_path / "hostile.yaml", "--output", tmp_path / "no" / "page.html"
    )
    assert refused.code == 2
    assert "cannot be written" in refused.err
