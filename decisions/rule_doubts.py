"""What rules and products of a catalogue name, but the shop does not have: a city without customers, a number compared with a text, an empty category."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pandas as pd

from decisions.actions import Action, Catalogue
from decisions.contact_names import contact_names
from decisions.merchandising.product_range import ProductRange, category_path, product_range
from features.column_values import ColumnValues
from features.contract import JOINED_AT, NO_ACTION, PRODUCT_ID, STAGES
from features.definitions import FEATURES
from features.expressions import Comparison, Constant, Name
from features.nearest import nearest
from features.rules import Rule

KINDS: Final = ("eligibility", "applicability", "suitability")
TEXTS: Final = ("name", "email", "phone", "locale", "city", "region", "country")
PERSONAL: Final = ("name", "email", "phone")
"""Of these no customer's own is told as the nearest."""
PRODUCT_COLUMNS: Final = (PRODUCT_ID, "category", "brand")
MOST_COMPARED: Final = 5_000
"""Among more names than this the nearest is not looked for: it takes long, and many are near."""
PROBABILITY: Final = "churn_probability"
SHARES: Final = frozenset((PROBABILITY, *(feature.name for feature in FEATURES if feature.unit == "share")))
_ISO: Final = re.compile(r"\d{4}(-\d{2}(-\d{2}([T ]\d{2}:\d{2}.*)?)?)?")


@dataclass(frozen=True)
class ShopValues:
    """What the home's tables hold: the columns of its customers, and its products (`features.contract`); None where that is not known."""

    customers: Mapping[str, ColumnValues] = field(default_factory=dict)
    products: pd.DataFrame | None = None


def named_columns(catalogue: Catalogue) -> frozenset[str]:
    """All that the catalogue's rules name."""
    return frozenset(name for _, rule in _rules(catalogue) for name in rule.names)


def rule_doubts(catalogue: Catalogue, shop: ShopValues) -> Iterator[str]:
    """Comparisons that cannot mean anything, and texts that no customer has, each once."""
    columns = _columns(catalogue, shop)
    for where, rule in _rules(catalogue):
        for sentence in dict.fromkeys(_of_rule(rule, columns)):
            yield f"{where}: {sentence}"


def product_doubts(catalogue: Catalogue, shop: ShopValues) -> Iterator[str]:
    """Categories, brands and ids of products that no product has; nothing where the products are not known."""
    if shop.products is None or shop.products.empty:
        return
    has = product_range([], shop.products)
    for action in catalogue.actions:
        for sentence in _of_products(action, has):
            yield f"action {action.action_id!r}, products: {sentence}"


def _rules(catalogue: Catalogue) -> Iterator[tuple[str, Rule]]:
    groups = [(f"group {name!r}", group) for name, group in catalogue.groups.items()]
    actions = [(f"action {action.action_id!r}", action) for action in catalogue.actions if action.action_id != NO_ACTION]
    for where, owner in (*groups, *actions):
        for kind in KINDS:
            rule = getattr(owner, kind)
            if rule is not None:
                yield f"{where}, {kind}", rule


def _columns(catalogue: Catalogue, shop: ShopValues) -> dict[str, ColumnValues]:
    numbers = (*(feature.name for feature in FEATURES), PROBABILITY, "expected_order_value", *contact_names(catalogue.channels))
    return {
        **dict.fromkeys(TEXTS, ColumnValues("text")),
        JOINED_AT: ColumnValues("instant"),
        **shop.customers,
        **dict.fromkeys(numbers, ColumnValues("number")),
        "stage": ColumnValues("text", frozenset(STAGES)),
    }


def _of_rule(rule: Rule, columns: Mapping[str, ColumnValues]) -> Iterator[str]:
    for comparison in _comparisons(rule.condition):
        for named, other in ((comparison.left, comparison.right), (comparison.right, comparison.left)):
            if isinstance(named, Name) and isinstance(other, Constant) and named.name in columns:
                sentence = _compared(named.name, columns[named.name], comparison.sign, other.value)
                if sentence:
                    yield sentence


def _comparisons(part: Any) -> Iterator[Comparison]:
    """Every comparison within a condition or a value, however deep."""
    if isinstance(part, Comparison):
        yield part
    below = (getattr(part, name, None) for name in ("left", "right", "part", "value", "condition"))
    for each in (*getattr(part, "parts", ()), *(each for each in below if hasattr(each, "one"))):
        yield from _comparisons(each)


def _compared(name: str, column: ColumnValues, sign: str, value: float | str) -> str:
    if isinstance(value, str):
        return _with_text(name, column, sign, value)
    if column.kind == "instant":
        return f"{name} is a date and is compared with the number {value:g}: write dates in quotes, as '2024-01-31'."
    if column.kind == "text":
        return f"{name} is a text and is compared with the number {value:g}: a text stands in quotes, as '{value:g}'."
    if name in SHARES and value > 1:
        return f"{name} lies between 0 and 1 and is compared with {value:g}; {value:g} % is {value / 100:g}."
    return ""


def _with_text(name: str, column: ColumnValues, sign: str, text: str) -> str:
    if column.kind == "number":
        return f"{name} is a number and is compared with the text {text!r}: they are never equal."
    if column.kind == "instant" and not _ISO.fullmatch(text):
        return f"{name} is a date, and {text!r} is none: write it as '2024-01-31'."
    if sign not in ("==", "!=") or column.texts is None or text in column.texts:
        return ""
    whose = "there is no stage" if name == "stage" else f"no customer has the {name}"
    return f"{whose} {text!r}{'' if name in PERSONAL else _like(text, column.texts)}."


def _of_products(action: Action, has: ProductRange) -> Iterator[str]:
    scope = action.products
    for category in scope.categories:
        if not has.knows_category(category):
            yield f"no product is within the category {category!r}{_like_category(category, has)}."
    for brand in scope.brands:
        if brand.strip() not in has.brands:
            yield f"no product is of the brand {brand!r}{_like(brand, has.brands)}."
    for product_id in scope.product_ids:
        if not has.knows(product_id):
            yield f"no product has the id {product_id!r}{_like(product_id, has.product_ids)}."


def _like_category(category: str, has: ProductRange) -> str:
    """The path that ends in what was named, as a category below others is often called; else the most similar one."""
    parts = [path.split(" > ") for path in has.categories]
    paths = dict.fromkeys(" > ".join(path[: depth + 1]) for path in parts for depth in range(len(path)))
    last = category_path(category).rsplit(" > ", 1)[-1].lower()
    same = [path for path in paths if path.rsplit(" > ", 1)[-1].lower() == last]
    return _like(category, same or paths)


def _like(word: str, known: Collection[str]) -> str:
    like = nearest(word, known) if len(known) <= MOST_COMPARED else ""
    return f"; the nearest is {like!r}" if like else ""
