"""Reads config/recommendations.yaml into rules, and says what in it cannot be used."""

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from decisions.merchandising.product_range import ProductRange, category_path
from decisions.merchandising.rules import Block, Boost, Caps, Columns, Filters, Only, Pin, Rules, Scope, Selection
from decisions.reading import Document, Form, Step, read_document
from features.errors import InputError
from features.nearest import likely

DEFAULT_RECOMMENDATIONS: Final = Path(__file__).with_name("default_recommendations.yaml")
MOST_COMPARED: Final = 20_000
"""Among more names than this, none is looked for that is like a mistyped one: that would take seconds."""

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]


def _quoted(told: object) -> object:
    if isinstance(told, int | float | date):
        raise PydanticCustomError("unquoted", "{told} stands there as a number or date; write it in quotes", {"told": str(told)})
    return told


def _clock(told: object) -> object:
    """YAML knows a time without seconds as text."""
    if not isinstance(told, str):
        return told
    try:
        return datetime.fromisoformat(told)
    except ValueError:
        raise PydanticCustomError("no_time", "{told} is no date or time, as 2025-11-28 or 2025-11-28 18:00 are", {"told": told}) from None


Name = Annotated[str, BeforeValidator(_quoted), Field(min_length=1)]
Clock = Annotated[datetime | date | None, BeforeValidator(_clock)]
Names = Annotated[list[Name], Field(min_length=1)]
Price = Annotated[float, Field(ge=0)]


class ScopeForm(Form):
    """Where and when a rule holds."""

    placements: Names | None = None
    from_: Clock = Field(default=None, alias="from")
    until: Clock = None


class PinForm(ScopeForm):
    """One pinned product."""

    product: Name
    position: Positive
    category: Name | None = None


class BlockForm(ScopeForm):
    """Products that a rule means."""

    products: Names | None = None
    categories: Names | None = None
    brands: Names | None = None


class BoostForm(BlockForm):
    """Products and their factor."""

    factor: Annotated[float, Field(ge=0, le=100)]


class OnlyForm(ScopeForm):
    """What alone is shown."""

    categories: Names | None = None
    brands: Names | None = None
    minimum_price: Price | None = None
    maximum_price: Price | None = None


class CapsForm(Form):
    """The most of one kind."""

    category: Positive | None = None
    category_level: Positive | None = None
    brand: Positive | None = None


class ColumnsForm(Form):
    """Further columns."""

    stock: Name = "stock"
    excluded_products: Name = "excluded_products"
    excluded_categories: Name = "excluded_categories"


class RulesForm(Form):
    """The whole file."""

    minimum_stock: Annotated[float, Field(ge=0)] = 1.0
    diversity: Share = 0.0
    caps: CapsForm = CapsForm()
    fill: bool = False
    candidates: Annotated[int, Field(ge=1, le=1000)] = 100
    pin: list[PinForm] = Field(default_factory=list)
    boost: list[BoostForm] = Field(default_factory=list)
    block: list[BlockForm] = Field(default_factory=list)
    only: list[OnlyForm] = Field(default_factory=list)
    columns: ColumnsForm = ColumnsForm()


def load_rules(path: Path | None = None, *, timezone: str = "UTC") -> Rules:
    """The rules in the YAML file at `path`, or the default ones.

    Dates, and times without an offset, are of clocks in `timezone`. Raises InputError, with file, line and key, for what cannot be used:
    an unknown key, a value of another kind or out of bounds, a rule that means no product, or that ends before it begins.
    """
    return rules_of(read_document(path or DEFAULT_RECOMMENDATIONS), timezone=timezone)


def rules_of(document: Document, *, timezone: str = "UTC") -> Rules:
    """The rules that an already read document holds; see `load_rules`."""
    form = RulesForm.of(document)
    reading = _Reading(document, ZoneInfo(timezone))
    return Rules(
        minimum_stock=form.minimum_stock,
        diversity=form.diversity,
        candidates=form.candidates,
        caps=Caps(**form.caps.model_dump()),
        fill=form.fill,
        pins=tuple(reading.pin(i, pin) for i, pin in enumerate(form.pin)),
        boosts=tuple(
            Boost(reading.selection("boost", i, boost), boost.factor, reading.scope("boost", i, boost))
            for i, boost in enumerate(form.boost)
        ),
        blocks=tuple(Block(reading.selection("block", i, block), reading.scope("block", i, block)) for i, block in enumerate(form.block)),
        only=tuple(Only(reading.filters(i, only), reading.scope("only", i, only)) for i, only in enumerate(form.only)),
        columns=Columns(**form.columns.model_dump()),
    )


class _Reading:
    """Turns forms into rules; a form that says nothing, or the impossible, is refused with its line."""

    def __init__(self, document: Document, zone: ZoneInfo) -> None:
        self._document = document
        self._zone = zone

    def pin(self, i: int, form: PinForm) -> Pin:
        return Pin(form.product, form.position, None if form.category is None else category_path(form.category), self.scope("pin", i, form))

    def selection(self, key: str, i: int, form: BlockForm) -> Selection:
        found = Selection(tuple(form.products or ()), tuple(map(category_path, form.categories or ())), tuple(form.brands or ()))
        if found == Selection():
            self._refuse("means no product", "Name products, categories or brands.", key, i)
        return found

    def filters(self, i: int, form: OnlyForm) -> Filters:
        low, high = form.minimum_price, form.maximum_price
        found = Filters(tuple(map(category_path, form.categories or ())), tuple(form.brands or ()), low, high)
        if found == Filters():
            self._refuse("limits nothing", "Name categories, brands, minimum_price or maximum_price.", "only", i)
        if low is not None and high is not None and low > high:
            self._refuse(f"minimum_price {low:g} is above maximum_price {high:g}", "Exchange them.", "only", i, "minimum_price")
        return found

    def scope(self, key: str, i: int, form: ScopeForm) -> Scope:
        scope = Scope(tuple(form.placements or ()), self._instant(form.from_), self._instant(form.until))
        if scope.from_at is not None and scope.until_at is not None and scope.from_at >= scope.until_at:
            self._refuse(
                f"until {form.until} is not after from {form.from_}", "Let it end later; until itself is not included.", key, i, "until"
            )
        return scope

    def _instant(self, told: datetime | date | None) -> datetime | None:
        if told is None:
            return None
        clock = told if isinstance(told, datetime) else datetime.combine(told, time())
        zoned = clock if clock.tzinfo is not None else clock.replace(tzinfo=self._zone)
        return zoned.astimezone(UTC).replace(tzinfo=None)

    def _refuse(self, problem: str, remedy: str, *path: Step) -> None:
        words = ", ".join(f"rule {step + 1}" if isinstance(step, int) else step for step in path)
        raise InputError(f"{self._document.where(*path)}: {words}: {problem}.", remedy=remedy)


def unknown_names(rules: Rules, products: ProductRange) -> list[str]:
    """Sentences about products, categories and brands which rules name and the range does not know: probably typing mistakes."""
    selections = [*(boost.products for boost in rules.boosts), *(block.products for block in rules.blocks)]
    named: list[Selection | Filters] = [*selections, *(only.filters for only in rules.only)]
    ids = [*(pin.product_id for pin in rules.pins), *(name for each in selections for name in each.product_ids)]
    categories = [pin.category for pin in rules.pins if pin.category]
    brands: list[str] = []
    for each in named:
        categories += each.categories
        brands += each.brands
    return [
        *_unknown("id", ids, products.knows, products.product_ids),
        *_unknown("category", categories, products.knows_category, products.categories),
        *_unknown("brand", brands, products.brands.__contains__, products.brands),
    ]


def _unknown(what: str, names: Iterable[str], known: Callable[[str], bool], all_names: Collection[str]) -> list[str]:
    return [f"no product has the {what} {name!r}{_meant(name, all_names)}" for name in dict.fromkeys(names) if not known(name)]


def _meant(name: str, all_names: Collection[str]) -> str:
    """The known name that was probably meant; a category may have been named by the last part of its path alone."""
    if len(all_names) > MOST_COMPARED:
        return ""
    ending = next((each for each in all_names if each.endswith(f" > {name}")), None)
    return likely(name, all_names) if ending is None else f" (nearest: {ending})"
