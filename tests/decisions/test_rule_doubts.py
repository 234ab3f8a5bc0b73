"""Rules that compare what cannot be compared, and names that the shop does not have, are remarked; what is well is not."""

import pandas as pd
import pytest

from decisions.actions import Catalogue
from decisions.catalogue import catalogue_of, load_catalogue
from decisions.reading import document_of
from decisions.rule_doubts import MOST_COMPARED, ShopValues, named_columns, product_doubts, rule_doubts
from features.column_values import ColumnValues

SHOP = ShopValues(
    customers={
        "city": ColumnValues("text", frozenset({"Hà Nội", "Huế"})),
        "email": ColumnValues("text", frozenset({"linh@tea.example"})),
        "vip_level": ColumnValues("number"),
        "born_on": ColumnValues("instant"),
        "tags": ColumnValues("other"),
    },
    products=pd.DataFrame(
        {"product_id": ["P1", "P2", "P3"], "category": ["Food > Drinks > Tea", "Home > Kitchen", None], "brand": ["Mộc", "Hearth", None]}
    ),
)


def catalogue(rule: str = "", products: str = "", group: str = "") -> Catalogue:
    action = f"  - {{action_id: letter, channel: email, group: event{', eligibility: ' + repr(rule) if rule else ''}{products}}}\n"
    groups = f"groups: {{event: {{suitability: {group!r}}}}}\n" if group else ""
    text = f"margin_share: 0.3\n{groups}actions:\n{action}"
    return catalogue_of(document_of(text.replace('\\"', "'"), "catalogue.yaml"), attributes=tuple(SHOP.customers))


def said(rule: str) -> list[str]:
    return list(rule_doubts(catalogue(rule), SHOP))


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ('order_count == "two"', "order_count is a number and is compared with the text 'two': they are never equal."),
        ('"two" < sms_contact_count_7d', "sms_contact_count_7d is a number and is compared with the text 'two'"),
        ('vip_level == "gold"', "vip_level is a number"),
        ("city == 5", "city is a text and is compared with the number 5: a text stands in quotes, as '5'."),
        ("joined_at >= 2026", "joined_at is a date and is compared with the number 2026: write dates in quotes"),
        ("born_on < 20240101", "born_on is a date and is compared with the number"),
        ('joined_at > "31/01/2024"', "joined_at is a date, and '31/01/2024' is none: write it as '2024-01-31'."),
        ("churn_probability > 30", "churn_probability lies between 0 and 1 and is compared with 30; 30 % is 0.3."),
        ('stage == "retenton"', "there is no stage 'retenton'; the nearest is 'retention'."),
        ('city in ["Huế", "Hanoi"]', "no customer has the city 'Hanoi'; the nearest is 'Hà Nội'."),
        ('not (order_count > 1 or 1 + (city != "Hue") > 1)', "no customer has the city 'Hue'; the nearest is 'Huế'."),
        ('email == "lin@tea.example"', "no customer has the email 'lin@tea.example'."),
    ],
)
def test_a_comparison_that_cannot_be_meant_is_remarked_once(rule: str, sentence: str) -> None:
    for told in (said(rule), said(f"({rule}) or ({rule})")):
        assert len(told) == 1
        assert told[0].startswith("action 'letter', eligibility: ")
        assert sentence in told[0]


def test_rules_of_groups_are_looked_through_too() -> None:
    (told,) = rule_doubts(catalogue(group='city == "Hue"'), SHOP)
    assert told.startswith("group 'event', suitability: no customer has the city 'Hue'")


@pytest.mark.parametrize(
    "rule",
    [
        'city == "Huế" and order_count >= 2 and churn_probability <= 1',
        'joined_at >= "2024-01-31" and born_on < "2000" and joined_at < "2026-01-31T10:00:00"',
        'stage in ["retention", "advocacy"]',
        'country == "Vietnam"',
        'city < "M"',
        'tags == "a"',
        "vip_level == true",
        "order_count == days_since_last_order",
    ],
)
def test_nothing_is_said_of_rules_that_are_well(rule: str) -> None:
    assert said(rule) == []


def test_without_a_home_only_what_is_always_known_is_said() -> None:
    nothing = ShopValues()
    assert list(rule_doubts(catalogue('city == "Hanoi"'), nothing)) == []
    assert len(list(rule_doubts(catalogue('order_count == "two"'), nothing))) == 1
    assert list(product_doubts(catalogue(products=", products: {from: cart, brands: [Acme]}"), nothing)) == []


@pytest.mark.parametrize(
    ("scope", "sentence"),
    [
        ("categories: [Tea]", "no product is within the category 'Tea'; the nearest is 'Food > Drinks > Tea'."),
        ("categories: [Home > Kitchn]", "no product is within the category 'Home > Kitchn'; the nearest is 'Home > Kitchen'."),
        ("brands: [Moc]", "no product is of the brand 'Moc'; the nearest is 'Mộc'."),
        ("product_ids: [P11]", "no product has the id 'P11'; the nearest is 'P1'."),
    ],
)
def test_products_that_the_shop_does_not_have_are_remarked(scope: str, sentence: str) -> None:
    found = list(product_doubts(catalogue(products=f", products: {{from: cart, {scope}}}"), SHOP))
    assert found == [f"action 'letter', products: {sentence}"]


def test_products_that_the_shop_has_are_well() -> None:
    scope = "categories: [Food, Food>Drinks, Home > Kitchen], brands: [Mộc], product_ids: [P3]"
    assert list(product_doubts(catalogue(products=f", products: {{from: cart, {scope}}}"), SHOP)) == []


def test_among_very_many_names_the_nearest_is_not_looked_for() -> None:
    many = ShopValues(customers={"city": ColumnValues("text", frozenset(str(n) for n in range(MOST_COMPARED + 1)))})
    assert list(rule_doubts(catalogue('city == "Hanoi"'), many)) == ["action 'letter', eligibility: no customer has the city 'Hanoi'."]


def test_the_default_catalogue_is_well() -> None:
    default = load_catalogue()
    assert list(rule_doubts(default, ShopValues())) == []
    assert {"churn_probability", "order_count", "overdue_ratio"} <= named_columns(default)
