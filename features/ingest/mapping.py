"""Mappings: how a shop's own files are read into the contract's tables. YAML, or a preset for a known export."""

import codecs
import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from features.contract import CUSTOMER_ID, CUSTOMERS, ORDER_ID, ORDERED_AT, ORDERS, PRODUCTS, TABLES
from features.errors import InputError
from features.ingest.preset_names import PRESETS, presets
from features.nearest import likely

AMOUNT: Final = "amount"
CONSENT_PREFIX: Final = "consent_"
WHITESPACE: Final = "whitespace"
DERIVED: Final = {t.name: tuple(c.name for c in t.columns if c.kind == "text" and c.name not in t.key) for t in (PRODUCTS, CUSTOMERS)}
_EXAMPLE: Final = '{orders: {columns: {customer_id: CustomerID, ordered_at: InvoiceDate}, date_format: "%d/%m/%Y %H:%M"}}'
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _listed(given: object) -> object:
    return given if isinstance(given, list | tuple) or given is None else [given]


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from error
    return text


def _encoding(name: str) -> str:
    try:
        codecs.lookup(name)
    except LookupError as error:
        raise ValueError(f"{name!r} is no encoding that is known here; latin-1, cp1252, cp1258 and utf-16 are") from error
    return name


def _separator(text: str) -> str:
    if text != WHITESPACE and (len(text) != 1 or text in '"\n\r'):
        raise ValueError(f"{text!r} is no separator: give one character, or {WHITESPACE!r}")
    return text


def _currency(code: str) -> str:
    if not re.fullmatch("[A-Za-z]{3}", code):
        raise ValueError(f"{code!r} is no currency: give its code of three letters")
    return code.upper()


CurrencyCode = Annotated[str, AfterValidator(_currency)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Names = Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1)]
Pattern = Annotated[str, AfterValidator(_pattern)]


class TableMapping(BaseModel):
    """How the files of one table are read.

    `columns` says, per column of the contract, the file's column (or several names, of which the first that is there is taken).
    `timezone` is where instants without a zone were written; `values` replaces words, per column of the contract.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    columns: dict[str, Names] = {}
    separator: Annotated[str, AfterValidator(_separator)] | None = None
    header: bool = True
    names: tuple[str, ...] | None = None
    encoding: Annotated[str, AfterValidator(_encoding)] = "utf-8"
    decimal: Literal[".", ","] = "."
    date_format: Names | None = None
    timezone: str = "UTC"
    values: dict[str, dict[str, str]] = {}

    @model_validator(mode="after")
    def _names_stand_for_a_header(self) -> "TableMapping":
        if self.header == (self.names is not None):
            raise ValueError("give names together with header: false, and only then")
        return self


class Gaps(BaseModel):
    """How `ordered_at` is reconstructed where orders have no date, from the days between them (see `reconstructed`).

    `number` counts a customer's orders, `days_since_previous` are whole days, `weekday` is 0 to 6, of which 0 is `first_weekday`, `hour` is
    0 to 23: columns of the heads. `longest_days` is where the source cuts a gap off; every customer's last order falls into the week that
    ends with `newest_day`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: str
    days_since_previous: str
    weekday: str
    hour: str
    first_weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    newest_day: date
    longest_days: Annotated[int, Field(gt=0)] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the heads that it is made from."""
        return self.number, self.days_since_previous, self.weekday, self.hour


class Heads(BaseModel):
    """Orders in two kinds of files: heads, one row per order (who, when), and lines (what), which have the column `key` in common.

    A head file is one that has `key`, all of `take`, which its lines get from it, and what `ordered_at_from` names.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    take: Names
    ordered_at_from: Gaps | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns by which a head file is known, beside `key`; no file of lines has one of them."""
        return tuple(dict.fromkeys((*self.take, *(self.ordered_at_from.columns if self.ordered_at_from else ()))))


class OrdersMapping(TableMapping):
    """How order lines are read: besides, which lines are returns and fees, and what they tell of products and customers.

    An order_id in which `cancelled_order_pattern` is found makes a return. A product_id in which `product_pattern` is not
    found, or that is one of `fee_codes`, makes a fee. `derive` fills products (most frequent text) and customers (newest text).
    `fill_down` are columns of the file that stand on the first row of an order only; `leave_out` says, per column of the file, in which
    values (a regular expression) a row is no purchase at all. `currencies` are rates into the home's currency, by code. `heads` is for
    orders whose customer and time stand in a file of their own.
    """

    cancelled_order_pattern: Pattern | None = None
    product_pattern: Pattern | None = None
    fee_codes: tuple[str, ...] = ()
    derive: dict[str, dict[str, str]] = {}
    fill_down: tuple[str, ...] = ()
    leave_out: dict[str, Pattern] = {}
    currencies: dict[CurrencyCode, Rate] = {}
    heads: Heads | None = None

    @model_validator(mode="after")
    def _orders_to_fill_within(self) -> "OrdersMapping":
        if self.fill_down and ORDER_ID not in self.columns:
            raise ValueError("fill_down fills within an order: say in columns which one is order_id")
        return self

    @model_validator(mode="after")
    def _heads_say_who(self) -> "OrdersMapping":
        if self.heads is None:
            return self
        if not self.header:
            raise ValueError("heads are told from lines by their columns: the files must have headers")
        for column, wanted in ((ORDER_ID, (self.heads.key,)), (CUSTOMER_ID, self.heads.take)):
            if not set(self.columns.get(column, (column,))) & set(wanted):
                raise ValueError(f"heads: columns must say that {column} is one of {', '.join(wanted)}")
        if self.heads.ordered_at_from and ORDERED_AT in self.columns:
            raise ValueError(f"heads: {ORDERED_AT} is either a column or made by ordered_at_from")
        return self


class SourceMapping(BaseModel):
    """How the files of every table are read; a table that is not named has the contract's own column names."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    orders: OrdersMapping = OrdersMapping()
    products: TableMapping = TableMapping()
    customers: TableMapping = TableMapping()
    events: TableMapping = TableMapping()
    decisions: TableMapping = TableMapping()
    outcomes: TableMapping = TableMapping()

    def table(self, name: str) -> TableMapping:
        """The part for one table of the contract."""
        part: TableMapping = getattr(self, name)
        return part


def load_mapping(name_or_path: str) -> SourceMapping:
    """The preset of this name, or the mapping in this YAML file.

    Raises InputError if there is neither, or if the mapping names a key, table or column that does not exist.
    """
    if name_or_path in presets():
        return read_mapping(PRESETS / f"{name_or_path}.yaml")
    path = Path(name_or_path)
    if path.is_file():
        return read_mapping(path)
    if path.suffix.lower() in {".yaml", ".yml"} or len(path.parts) > 1:
        raise InputError(f"{path}: there is no such mapping file.", remedy=f"Name a YAML file, or a preset: {', '.join(presets())}.")
    known = likely(name_or_path, presets())
    raise InputError(f"Unknown preset {name_or_path!r}{known}.", remedy=f"Presets: {', '.join(presets())}. Or name a YAML file.")


def read_mapping(path: Path) -> SourceMapping:
    """The mapping in this YAML file; InputError as for `load_mapping`."""
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}.", remedy="Give a YAML file in UTF-8.") from error
    except yaml.YAMLError as error:
        raise InputError(f"{path} is no YAML: {' '.join(str(error).split())}.", remedy="Mend it at that place.") from error
    return parse_mapping(read if read is not None else {}, source=str(path))


def parse_mapping(read: object, *, source: str) -> SourceMapping:
    """The mapping that was read from `source`; InputError naming source, key and the nearest known name."""
    try:
        mapping = SourceMapping.model_validate(read)
    except ValidationError as error:
        raise _translated(error, source) from error
    for name in TABLES:
        _check_columns(name, mapping.table(name), source)
    for name, columns in mapping.orders.derive.items():
        if name not in DERIVED:
            raise InputError(f"{source}: orders.derive: {name!r} cannot be derived.", remedy=f"These can: {', '.join(DERIVED)}.")
        _check_known(columns, DERIVED[name], f"{source}: orders.derive.{name}")
    return mapping


def _check_columns(name: str, part: TableMapping, source: str) -> None:
    known = (*TABLES[name].names, AMOUNT) if name == ORDERS.name else TABLES[name].names
    named = [c for c in part.columns if not (name == CUSTOMERS.name and c.startswith(CONSENT_PREFIX))]
    _check_known(named, known, f"{source}: {name}.columns")
    _check_known(part.values, known, f"{source}: {name}.values")


def _check_known(named: Iterable[str], known: tuple[str, ...], where: str) -> None:
    for column in named:
        if column not in known:
            raise InputError(f"{where}: unknown column {column!r}{likely(column, known)}.", remedy=f"Columns: {', '.join(known)}.")


def _translated(error: ValidationError, source: str) -> InputError:
    first = error.errors()[0]
    keys = [str(part) for part in first["loc"]]
    where, known = ".".join(keys), _known_keys(keys[:-1])
    if first["type"] == "extra_forbidden":
        return InputError(f"{source}: unknown key {where!r}{likely(keys[-1], known)}.", remedy=f"Keys there: {', '.join(known)}.")
    said = re.sub(r"dictionary or instance of \w+", "mapping", first["msg"].removeprefix("Value error, ")).replace("tuple", "list")
    place = f"{source}: {where}" if where else source
    return InputError(f"{place}: {said}.", remedy=f"Write it like this: {_EXAMPLE}.")


def _known_keys(parents: list[str]) -> tuple[str, ...]:
    model: Any = SourceMapping
    for parent in parents:
        field = model.model_fields.get(parent)
        kinds = [field.annotation, *get_args(field.annotation)] if field else []
        model = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
        if model is None:
            return ()
    return tuple(model.model_fields)
