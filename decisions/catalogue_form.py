"""The forms of a catalogue's YAML: which keys there are, of which kind, within which bounds. What they mean together is checked in `decisions.catalogue`."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from decisions.locales import is_locale
from decisions.reading import KIND_MARK, Form


def _listed(given: object) -> object:
    """One name is a list of one."""
    return [given] if isinstance(given, str) else given


Share = Annotated[float, Field(ge=0, le=1)]
Money = Annotated[float, Field(ge=0)]
Weight = Annotated[float, Field(ge=0, le=5)]
Name = Annotated[str, Field(min_length=1)]
Several = Annotated[list[Name], BeforeValidator(_listed)]
Names = Annotated[list[Name], Field(min_length=1), BeforeValidator(_listed)]
Count = Annotated[int, Field(ge=1, le=20)]
NUMBER, TEXT, LIST, MAPPING, LOCALES = (KIND_MARK + kind for kind in ("number", "text", "list", "mapping", "locales"))


def _one_channel(given: object) -> object:
    if isinstance(given, list):
        raise PydanticCustomError("several_channels", "several channels stand under the key channels")
    return given


def _nothing_said(given: object) -> object:
    """`offer:` alone names a group that has no rules of its own."""
    return {} if given is None else given


def _locale_keys(given: object) -> object:
    """YAML reads the language `no` as false."""
    if isinstance(given, Mapping) and any(isinstance(key, bool) for key in given):
        raise PydanticCustomError("bare_no", 'YAML reads a bare no as false; write the language in quotes: "no"')
    return given


class SenderForm(Form):
    """The person who speaks."""

    name: Name
    title: str = ""
    photo_url: str = ""
    reply_to: str = ""


class TreatmentForm(Form):
    """What is said in one language."""

    body: Name
    subject: str = ""
    sender: SenderForm | None = None


class OfferForm(Form):
    """What the shop gives."""

    discount_share: Share = 0.0
    free_shipping: bool = False
    code: str = ""
    valid_days: Annotated[int, Field(ge=1)] | None = None
    cost: Money = 0.0
    on_products: bool = False


def _text_list_or_mapping(given: Any) -> str:
    return LIST if isinstance(given, list) else MAPPING if isinstance(given, Mapping | Form) else TEXT


Sources = Annotated[Annotated[Name, Tag(TEXT)] | Annotated[Names, Tag(LIST)], Discriminator(_text_list_or_mapping)]


class ProductsForm(Form):
    """Which products an action speaks of."""

    from_: Sources = Field(alias="from")
    count: Count = 3
    categories: Names | None = None
    brands: Names | None = None
    product_ids: Names | None = None
    most_price: Annotated[float, Field(gt=0)] | None = None


class RuledForm(Form):
    """What has rules."""

    eligibility: str | None = None
    applicability: str | None = None
    when: str | None = None
    suitability: str | None = None


def _number_or_mapping(given: Any) -> str:
    return MAPPING if isinstance(given, Mapping) else NUMBER


def _one_or_by_locale(given: Any) -> str:
    if not isinstance(given, Mapping) or not given or set(given) & set(TreatmentForm.model_fields):
        return TEXT
    by_locale = all(isinstance(key, bool) or is_locale(str(key)) for key in given) or all(
        isinstance(said, Mapping) for said in given.values()
    )
    return LOCALES if by_locale else TEXT


Cost = Annotated[Annotated[Money, Tag(NUMBER)] | Annotated[dict[str, Money], Tag(MAPPING)], Discriminator(_number_or_mapping)]
Products = Annotated[
    Annotated[Name, Tag(TEXT)] | Annotated[Names, Tag(LIST)] | Annotated[ProductsForm, Tag(MAPPING)], Discriminator(_text_list_or_mapping)
]
ByLocale = Annotated[dict[str, TreatmentForm], BeforeValidator(_locale_keys)]
Said = Annotated[Annotated[TreatmentForm, Tag(TEXT)] | Annotated[ByLocale, Tag(LOCALES)], Discriminator(_one_or_by_locale)]


class ActionForm(RuledForm):
    """One action."""

    action_id: Name
    name: str = ""
    channel: Annotated[str, BeforeValidator(_one_channel)] = ""
    channels: Names | None = None
    group: str = ""
    stages: Several = Field(default_factory=list)
    placements: Several = Field(default_factory=list)
    cost: Cost = 0.0
    value: Money | None = None
    order_share: Weight | None = None
    moves_to: str | None = None
    response_prior: Share = 0.02
    lift_prior: Annotated[float, Field(ge=-0.9, le=2)] = 0.0
    lever: Weight = 1.0
    cooldown_days: Annotated[float, Field(ge=0)] = 0.0
    products: Products | None = None
    product_count: Count | None = None
    treatments: Annotated[dict[str, Said], BeforeValidator(_locale_keys)] = Field(default_factory=dict)
    offer: OfferForm | None = None


class GroupForm(RuledForm):
    """One group of actions."""

    within: Name | None = None


class SeriesForm(Form):
    """Actions that follow one another."""

    actions: Annotated[list[Name], Field(min_length=2)]
    every_days: Annotated[float, Field(gt=0)]


class ShopForm(Form):
    """How messages call the shop."""

    name: str = ""
    url: str = ""
    product_url: str = ""


class CatalogueForm(Form):
    """The whole file."""

    margin_share: Share
    actions: list[ActionForm]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = ""
    shop: ShopForm = ShopForm()
    senders: Annotated[dict[str, SenderForm], BeforeValidator(_locale_keys)] = Field(default_factory=dict)
    order_shares: dict[str, Weight] = Field(default_factory=dict)
    channels: Several = Field(default_factory=list)
    groups: dict[str, Annotated[GroupForm, BeforeValidator(_nothing_said)]] = Field(default_factory=dict)
    series: dict[str, SeriesForm] = Field(default_factory=dict)
