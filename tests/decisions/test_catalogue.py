"""The catalogue: the smallest form, the default one, and every mistake named with file, line, action and the nearest known word."""

from pathlib import Path

import pytest

from decisions.actions import Catalogue, Group, Offer, ProductScope, Series
from decisions.catalogue import RULE_NAMES, catalogue_of, load_catalogue
from decisions.channels import CHANNELS
from decisions.contact_names import ContactFact, contact_facts, contact_names
from decisions.reading import document_of
from features.contract import NO_ACTION, STAGES
from features.definitions import NAMES
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
    assert read.actions[1].applicability is not None
    assert read.attributes == ("vip_level",)


def test_one_name_is_a_list_of_one() -> None:
    several = "channels: zalo, stages: decision, placements: home, products: {from: cart, brands: Acme}"
    action = catalogue(f"{{margin_share: 0.3, channels: zalo, actions: [{{action_id: a, {several}}}]}}").actions[1]
    assert (action.channels, action.stages, action.placements) == (("zalo",), frozenset({"decision"}), frozenset({"home"}))
    assert (action.products.sources, action.products.brands) == (("cart",), ("Acme",))


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
        ("", "catalogue.yaml is empty"),
        ("# only a remark", "catalogue.yaml is empty"),
        ("actions: []", "margin_share: it is missing. Add margin_share"),
        ("margin_share: 30\nactions: []", "line 1: margin_share: 30 is more than 1, the most it may be. Write a share of 1: 30 % is 0.3"),
        ("margin_share: .nan\nactions: []", "finite number"),
        ("margin_share: a third\nactions: []", "'a third' is no number"),
        ("margin_share: 0.3\nmargin_share: 0.4\nactions: []", "line 2: the key 'margin_share' stands there twice"),
        ("margin_share: 0.3\nactoins: []", "'actoins' is not known; the nearest known is 'actions'"),
        (
            "margin_share: 0.3\norder_shares: {retension: 1}\nactions: []",
            "line 2: order_shares, retension: the stage 'retension' is not known.*'retention'",
        ),
        (one("{action_id: sms, channel: sms, csot: 1}"), "line 4: action 'sms'.*'csot' is not known; the nearest known is 'cost'"),
        (one("{action_id: letter, channel: email}"), "line 4: action 'letter', action_id: it stands twice.*line 3"),
        (one("{action_id: sms, channel: sms, cost: -1}"), "line 4: action 'sms', cost: -1 is less than 0, the least it may be"),
        (one("{action_id: sms, channel: sms, cost: '1'}"), "action 'sms', cost: '1' is no number"),
        (one("{action_id: sms, channel: sms, response_prior: 2}"), "action 'sms', response_prior"),
        (one("{action_id: sms, channel: sms, lever: 6}"), "action 'sms', lever"),
        (
            one("{action_id: sms, channel: sms, products: afinity}"),
            "line 4: action 'sms', products: the source 'afinity' is not known.*'affinity' of affinity, repeat, cart, viewed",
        ),
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
            "action 'a', treatments, en, sender, reply_to: customers cannot answer",
        ),
        (
            "margin_share: 0.3\nsenders: {en: {name: S, reply_to: Do_Not.Reply@x.example}}\nactions: []",
            "line 2: senders, en, reply_to: customers",
        ),
        ("margin_share: 0.3\nsenders: {en: {name: S, reply_to: linh}}\nactions: []", "'linh' is no e-mail address"),
        ("margin_share: 0.3\nsenders: {en: {name: S, photo_url: 'javascript:x'}}\nactions: []", "is no address of a picture"),
        ("margin_share: 0.3\nsenders: {vn: {name: S}}\nactions: []", "line 2: senders, vn: 'vn' is no language"),
        ("margin_share: 0.3\nsenders: {no: {name: S}}\nactions: []", "senders: YAML reads a bare no as false"),
        ("margin_share: 0.3\nshop: {url: shop.example}\nactions: []", "line 2: shop, url: 'shop.example' is no web address"),
        ("margin_share: 0.3\nshop: {product_url: 'https://x.example/p'}\nactions: []", "every product would have the same address"),
        ("margin_share: 0.3\nshop: {product_url: '/p/{product_id}'}\nactions: []", "shop, product_url: .*is no web address"),
        (one("{action_id: a, channel: email, channels: [sms]}"), "channels: it stands beside channel"),
        (one("{action_id: a, channel: [email, sms]}"), "action 'a', channel: several channels stand under the key channels"),
        (one("{action_id: a, channel: email, cost: '0,10'}"), "'0,10' is no number. Write it with a point: 0.10"),
        (one("{action_id: 7, channel: email}"), "action 7, action_id: .* Write a text; what looks like a number"),
        (one("{action_id: a, channel: email, offer: 10%}"), "action 'a', offer: keys and values must stand here. Write them below it"),
        (one("{action_id: a, channel: email, treatments: {email: {en: Hi}}}"), "action 'a', treatments, email, en: keys and values must"),
        (
            one("{action_id: a, channel: email, treatments: {en: {body: {{ customer.name }}}}}"),
            "line 4: a text that begins with { or \\[ must",
        ),
        ("margin_share: 0.3\nactions:\n  - action_id: a\n    name: Hi: you", "line 4: its text has a colon.* in double quotes"),
        (one("{action_id: a, channels: [sms, sms]}"), "channels: sms stands twice"),
        (one("{action_id: a, channels: []}"), "action 'a', channels: it names 0, and needs at least 1"),
        (
            "margin_share: 0.3\nactions:\n- action_id: a\n  channels:\n  - sms\n  - emial",
            "line 6: action 'a', channels: the channel 'emial'",
        ),
        (one("{action_id: a, channels: [email, sms], cost: {email: -1, sms: 1}}"), "action 'a', cost, email: -1 is less than 0"),
        (one("{action_id: a, channels: [email, sms], cost: {email: 1}}"), "cost: it says nothing of sms"),
        (
            one("{action_id: a, channels: [email], cost: {email: 1, sms: 1}}"),
            "cost, sms: the channel 'sms' is not known.*'email': it goes by email",
        ),
        (one("{action_id: a, channel: email, lift_prior: 2.1}"), "line 4: action 'a', lift_prior: 2.1 is more than 2"),
        (one("{action_id: a, channel: email, lift_prior: -1}"), "lift_prior: -1 is less than -0.9"),
        (one("{action_id: a, channel: email, moves_to: desicion}"), "action 'a', moves_to: the stage 'desicion' is not known.*'decision'"),
        (one("{action_id: a, channel: email, placements: ['']}"), "placements"),
        (one("{action_id: a, channel: email, when: stage == 'x', applicability: stage == 'x'}"), "applicability: it stands beside when"),
        (one("{action_id: a, channel: email, suitability: churn_probabilty < 1}"), "action 'a', suitability: .*'churn_probability'"),
        (one("{action_id: a, channel: email, eligibility: emial_contact_count_7d < 1}"), "'email_contact_count_7d'"),
        (one("{action_id: a, channel: email, products: [cart, cart]}"), "products: cart stands twice"),
        (one("{action_id: a, channel: email, products: []}"), "action 'a', products: it names 0, and needs at least 1"),
        (one("{action_id: a, channel: email, products: {count: 3}}"), "action 'a', products, from: it is missing. Add from"),
        (one("{action_id: a, channel: email, products: {from: crat}}"), "products, from: the source 'crat' is not known.*'cart'"),
        (
            one("{action_id: a, channel: email, products: {from: [cart, veiwed]}}"),
            "products, from: the source 'veiwed' is not known.*'viewed'",
        ),
        (one("{action_id: a, channel: email, products: {from: cart, count: 0}}"), "action 'a', products, count"),
        (one("{action_id: a, channel: email, products: {from: cart, most_price: 0}}"), "action 'a', products, most_price"),
        (
            one("{action_id: a, channel: email, products: {from: cart, brnads: [x]}}"),
            "'brnads' is not known; the nearest known is 'brands'",
        ),
        (one("{action_id: a, channel: email, products: {from: cart}, product_count: 2}"), "product_count: it stands beside products"),
        (one("{action_id: a, channel: email, product_count: 2}"), "product_count: it counts products, but the action speaks of none"),
        (
            one("{action_id: a, channel: email, offer: {discount_share: 0.1, on_products: true}}"),
            "offer, on_products: its discount is on products",
        ),
        (one("{action_id: a, channel: email, products: cart, offer: {on_products: true}}"), "offer, on_products: .*no discount"),
        (one("{action_id: a, channel: email, treatments: {sms: {en: {body: Hi}}}}"), "treatments, sms: .*which the action does not use"),
        (
            one("{action_id: a, channel: sms, treatments: {sms: {body: Hi}}}"),
            "treatments, sms: sms is a channel; its text needs a language",
        ),
        (one("{action_id: a, channel: sms, treatments: {english: {body: Hi}}}"), "treatments, english: 'english' is no language"),
        (one("{action_id: a, channel: sms, treatments: {sms: {vn: {body: Hi}}}}"), "treatments, sms, vn: 'vn' is no language"),
        (one("{action_id: a, channel: sms, treatments: {no: {body: Hi}}}"), "action 'a', treatments: YAML reads a bare no as false"),
        (one("{action_id: a, channel: sms, treatments: {en: {boddy: Hi}}}"), "'boddy' is not known; the nearest known is 'body'"),
        (
            one("{action_id: a, channels: [email, sms], treatments: {en: {body: <p>Hi</p>}}}"),
            "treatments: sms is plain text.*holds HTML \\(<p>\\)",
        ),
        (
            one("{action_id: a, channels: [email, sms], treatments: {sms: {en: {body: '{{ customer.nmae }}'}}}}"),
            "sms, en, body: .*customer.nmae",
        ),
        (
            "margin_share: 0.3\nactions: []\ngroups:\n  a: {within: b}\n  b: {within: a}",
            "line 5: groups, b, within: the groups stand in a circle: a within b within a",
        ),
        (
            "margin_share: 0.3\nactions: []\ngroups:\n  a: {within: a}",
            "line 4: groups, a, within: the groups stand in a circle: a within a",
        ),
        (
            one("{action_id: a, channel: sms, group: offer}\ngroups: {c: {within: ofer}}"),
            "groups, c, within: the group 'ofer' is not known.*'offer'",
        ),
        ("margin_share: 0.3\nactions: []\ngroups: {a: {suitability: odrer_count > 1}}", "groups, a, suitability: .*'order_count'"),
        ("margin_share: 0.3\nactions: []\ngroups: {a: {witin: b}}", "'witin' is not known; the nearest known is 'within'"),
        (
            one("{action_id: a, channel: sms}\nseries: {s: {actions: [letter, b], every_days: 3}}"),
            "line 5: series, s, actions: the action 'b' is",
        ),
        (one("{action_id: a, channel: sms}\nseries: {s: {actions: [letter, letter], every_days: 3}}"), "'letter' stands twice in it"),
        (
            one(
                "{action_id: a, channel: sms}\nseries:\n  s: {actions: [letter, a], every_days: 3}\n  t: {actions: [a, letter], every_days: 3}"
            ),
            "line 7: series, t, actions: the action 'a' stands in the series 's' already",
        ),
        (
            one("{action_id: a, channel: sms}\nseries: {s: {actions: [letter, no_action], every_days: 3}}"),
            "the action 'no_action' is not known",
        ),
        (
            one("{action_id: a, channel: sms}\nseries: {s: {actions: [letter, a], every_days: 0}}"),
            "series, s, every_days: 0 is too small: it must be more than 0",
        ),
        (
            one("{action_id: a, channel: sms}\nseries: {s: {actions: [letter], every_days: 1}}"),
            "series, s, actions: it names 1, and needs at least 2",
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


WHOLE = """
margin_share: 0.3
currency: EUR
channels: [zalo]
shop: {name: Tea, url: https://tea.example, product_url: "https://tea.example/p/{product_id}"}
senders: {en: {name: Linh, photo_url: /linh.jpg}}
groups:
  offer: {eligibility: order_count >= 0}
  discount: {within: offer, when: not contact_count_7d >= 3, suitability: not churn_probability < 0.3}
  deep: {within: discount}
series: {introduction: {actions: [first, second], every_days: 3}}
actions:
  - {action_id: no_action, name: Nothing, cost: 0}
  - {action_id: first, channels: [email, sms], cost: {email: 0.01, sms: 0.06}, placements: [home], group: deep, lift_prior: -0.9, moves_to: decision,
     treatments: {email: {en: {subject: Hi, body: <p>Hi</p>}}, en: {body: Hello}, en-GB: {body: Good day}}}
  - {action_id: second, channel: zalo, cost: 1, eligibility: not zalo_contact_count_7d >= 1, applicability: vip_level > 1,
     products: {from: [cart, viewed], count: 2, categories: [Home>Lamps], brands: [Acme], product_ids: ["1"], most_price: 50},
     offer: {discount_share: 0.2, on_products: true}}
  - {action_id: third, channel: web, products: affinity, product_count: 5}
  - {action_id: fourth, channel: web, products: [repeat]}
  - {action_id: fifth, channel: web, products: none}
"""


def test_every_part_of_a_whole_catalogue_is_read() -> None:
    read = catalogue(WHOLE, attributes=["vip_level"], currency="EUR")
    _, first, second, third, fourth, fifth = read.actions
    assert (first.channels, dict(first.costs)) == (("email", "sms"), {"email": 0.01, "sms": 0.06})
    assert (first.group, first.groups) == ("deep", ("deep", "discount", "offer"))
    assert (first.placements, first.lift_prior, first.moves_to) == (frozenset({"home"}), -0.9, "decision")
    assert {channel: sorted(texts) for channel, texts in first.treatments.items()} == {"email": ["en", "en-GB"], "sms": ["en", "en-GB"]}
    assert (first.treatments["email"]["en"].body, first.treatments["sms"]["en"].body) == ("<p>Hi</p>", "Hello")
    senders = [first.treatments["sms"][locale].sender for locale in ("en", "en-GB")]
    assert [sender.name for sender in senders if sender] == ["Linh", "Linh"]  # a country without a sender takes its language's
    assert second.costs == {"zalo": 1.0}
    assert second.products == ProductScope(("cart", "viewed"), 2, ("Home > Lamps",), ("Acme",), ("1",), 50.0)
    assert second.offer == Offer(0.2, on_products=True)
    assert second.eligibility is not None
    assert second.applicability is not None
    assert (third.products, fourth.products, fifth.products) == (ProductScope(("affinity",), 5), ProductScope(("repeat",)), ProductScope())
    assert read.series == (Series("introduction", ("first", "second"), 3.0),)
    assert set(read.groups) == {"offer", "discount", "deep", "second", "third", "fourth", "fifth"}
    assert (read.groups["deep"], read.groups["third"]) == (Group("deep", "discount"), Group("third"))
    discount = read.groups["discount"]
    assert [rule.text for rule in (discount.applicability, discount.suitability) if rule] == [
        "not contact_count_7d >= 3",
        "not churn_probability < 0.3",
    ]
    assert read.weighable >= {"offer", "discount", "deep", "first"}


def test_a_catalogue_is_the_same_when_it_is_read_from_its_own_text() -> None:
    for read in (load_catalogue(), catalogue(WHOLE, attributes=["vip_level"])):
        again = catalogue_of(document_of(read.text, "elsewhere.yaml"), attributes=read.attributes)
        assert again == read
        assert (again.digest, again.text) == (read.digest, read.text)


def test_a_group_that_looks_mistyped_is_remarked() -> None:
    warnings = catalogue("margin_share: 0.3\ngroups: {offer: }\nactions: [{action_id: a, channel: web, group: offfer}]").warnings
    assert [warning for warning in warnings if "did you mean 'offer'?" in warning]
    assert catalogue("margin_share: 0.3\ngroups: {offer: {}}\nactions: [{action_id: a, channel: web, group: care}]").warnings == ()


def test_rules_may_name_the_contact_history_of_every_channel() -> None:
    assert {"sms_contact_count_7d", "sms_contact_count_30d", "days_since_sms_contact", "rejected_count_60d"} <= set(RULE_NAMES)
    assert len(RULE_NAMES) == len(set(RULE_NAMES)), "a name with two meanings"
    facts = {fact.name: fact for fact in contact_facts(["zalo oa", "sms"])}
    assert tuple(facts) == contact_names(["zalo oa", "sms"])
    assert facts["contact_count_7d"] == ContactFact("contact_count_7d", days=7)
    assert facts["zalo_oa_contact_count_30d"] == ContactFact("zalo_oa_contact_count_30d", channels=frozenset({"zalo oa"}), days=30)
    assert facts["days_since_sms_contact"] == ContactFact("days_since_sms_contact", kind="days_since", channels=frozenset({"sms"}))
    assert facts["rejected_count_60d"] == ContactFact("rejected_count_60d", days=60, outcome="rejected")
    own = set(contact_names(CHANNELS)) & set(NAMES)
    assert own == {"contact_count_7d", "contact_count_30d", "days_since_contact"}, (
        "these mean the same as features; no others may be called alike"
    )
