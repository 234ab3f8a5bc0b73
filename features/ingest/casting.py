"""A file's column as a column of the contract: text, instant, number, flag or JSON."""

import sys
from functools import reduce
from operator import or_
from typing import Any, Final

import ibis
import ibis.expr.datatypes as dt

from features.contract import Column
from features.ingest.mapping import TableMapping
from features.ingest.source_files import BLANKS

NOT_A_NUMBER: Final = "not a number"
NOT_AN_INSTANT: Final = "not a date or time"
WRONG: Final = {"number": NOT_A_NUMBER, "instant": NOT_AN_INSTANT, "flag": "neither true nor false", "json": "not JSON"}
WAS_DECIMAL: Final = "written as a decimal number (17850.0), the .0 was left out"
MISSING_WORDS: Final = ("", "nan", "NaN", "NAN", "null", "NULL", "None", "<NA>", "NaT", "\\N")
TRUE_WORDS: Final = ("true", "t", "yes", "y", "1", "1.0")
FALSE_WORDS: Final = ("false", "f", "no", "n", "0", "0.0")
_LARGEST: Final = sys.float_info.max
_PLAIN_INSTANT: Final = (
    "____-__-_____:__:__",
    "____-__-__",
)  # _ is any one sign: no room for a zone, and the cast refuses what is no digit
_ZONE: Final = r":\d{2}(?:\.\d+)?\s*([Zz]|UTC|GMT|[+-]\d{2}(?::?\d{2})?)$"
_NO_SECONDS: Final = r"([T ]\d{1,2}:\d{2})$"


def _timezone(zone, at):  # type: ignore[no-untyped-def]  # Ibis reads the signature, and takes any type where it says none
    """The instant at which a clock in `zone` shows `at`."""


def _try_strptime(text, formats):  # type: ignore[no-untyped-def]  # as above
    """The first of `formats` that fits, or nothing."""


def _json_valid(text):  # type: ignore[no-untyped-def]  # as above
    """Whether this text is JSON."""


def _to_json(value):  # type: ignore[no-untyped-def]  # as above
    """A nested value as JSON."""


_UTC: Final = dt.Timestamp("UTC")
_NAIVE: Final = dt.Timestamp(scale=6)
_builtin: Final = ibis.udf.scalar.builtin


def text_of(raw: Any, column: Column, options: TableMapping, blanks: str = BLANKS) -> Any:
    """A raw column's text, before it is cast: trimmed, words replaced as the mapping says, null where nothing stands there."""
    text = as_text(raw, blanks)
    words = options.values.get(column.name)
    if words:
        text = text.substitute(words)
    return text.nullif("") if column.kind in ("text", "json") else _present(text)


def quick(raw: Any, column: Column, options: TableMapping, signs: str = "_") -> Any | None:
    """A plain cast of a raw text, right for most values of most files, or None where this column has to be read with care.

    `signs` are those that may be in a value: the engine would read 1_000 as a number, and is kept from it where there may be a _.
    """
    if not raw.type().is_string() or column.name in options.values:
        return None
    if column.kind == "number" and options.decimal == ".":
        number = raw.try_cast("float64")
        return raw.contains("_").ifelse(ibis.null("float64"), number) if "_" in signs else number
    if column.kind == "instant" and options.date_format is None:
        return reduce(or_, (raw.like(p) for p in _PLAIN_INSTANT)).ifelse(raw.try_cast(_NAIVE), ibis.null(_NAIVE))
    return None


def settled(value: Any, options: TableMapping) -> Any:
    """What `quick` found, where that is all: a finite number, an instant in UTC; null where the text has to be read with care."""
    return _finite(value) if value.type().is_floating() else _from_zone(value, options.timezone)


def value_of(raw: Any, text: Any, column: Column, options: TableMapping) -> Any:
    """A raw column, and its text, as this column of the contract; null where it is missing, or cannot be read (`WRONG` says what it is)."""
    if column.kind == "number":
        return _number(raw, text, options)
    if column.kind == "instant":
        return _instant(raw, text, options)
    if column.kind == "flag":
        return _flag(text)
    if column.kind == "json":
        return is_json(text).ifelse(text, ibis.null("string"))
    return _id(text) if column.name.endswith("_id") else text


def attribute(value: Any, options: TableMapping, *, numeric: bool) -> Any:
    """A column that the contract does not name (`as_text`, but for numbers and flags), as it is kept: a number if `numeric`, as it is otherwise."""
    return _number(value, _present(value) if value.type().is_string() else value, options) if numeric else value


def looks_numeric(value: Any, options: TableMapping) -> Any:
    """Whether every value of such a column is a number (an aggregate): a leading zero makes a code, and nothing at all is text."""
    if not value.type().is_string():
        return ibis.literal(not value.type().is_boolean())
    missing = _is_missing(value)
    code = value.startswith("0").ifelse(value.re_search(r"^0\d"), False)
    number = _number(value, value, options).notnull() & ~code
    there = value.notnull()
    return ((missing | number).all(where=there) & (~missing).any(where=there)).fill_null(False)


def as_text(raw: Any, blanks: str = BLANKS) -> Any:
    """The value as text, without the `blanks` around it; nested values as JSON."""
    kind = raw.type()
    if kind.is_nested():
        return _builtin(_to_json, name="to_json", signature=((kind,), dt.json))(raw).cast("string")
    return _stripped(raw, blanks) if kind.is_string() else raw.cast("string")


def _stripped(text: Any, blanks: str) -> Any:
    """The engine's own way costs twenty times as much as to see that there is no blank."""
    if not blanks:
        return text
    edged = reduce(or_, (text.endswith(blank) for blank in blanks), text < "!")
    return edged.ifelse(text.strip(), text)


def is_json(text: Any) -> Any:
    """Whether this text is JSON."""
    return _builtin(_json_valid, name="json_valid", signature=((dt.string,), dt.boolean))(text)


def _present(text: Any) -> Any:
    return _is_missing(text).ifelse(ibis.null("string"), text)


def _is_missing(text: Any) -> Any:
    """One comparison after the other: the engine makes a join of every longer list, and there is one such list per column and use."""
    is_short = text.length() <= max(map(len, MISSING_WORDS))
    return is_short.ifelse(reduce(or_, (text == word for word in MISSING_WORDS)), False)


def _id(text: Any) -> Any:
    whole = text.contains(".").ifelse(text.re_replace(r"^(\d+)\.0+$", r"\1"), text)
    return _present(text.endswith("0").ifelse(whole, text))


def _number(raw: Any, text: Any, options: TableMapping) -> Any:
    if raw.type().is_numeric() and not options.values:
        return _finite(raw.cast("float64"))
    return _parsed(text.replace(".", "").replace(",", ".") if options.decimal == "," else text)


def _parsed(text: Any) -> Any:
    return _finite(text.contains("_").ifelse(ibis.null("float64"), text.try_cast("float64")))


def _finite(number: Any) -> Any:
    """What is no number counts as greater than every number."""
    return number.between(-_LARGEST, _LARGEST).ifelse(number, ibis.null("float64"))


def _flag(text: Any) -> Any:
    word = text.lower()
    return ibis.cases((word.isin(TRUE_WORDS), True), (word.isin(FALSE_WORDS), False))


def _instant(raw: Any, text: Any, options: TableMapping) -> Any:
    kind = raw.type()
    if kind.is_timestamp() and kind.timezone is not None:
        return raw.cast(_NAIVE)
    if kind.is_temporal() and not kind.is_time():
        return _from_zone(raw.cast(_NAIVE), options.timezone)
    if options.date_format is not None:
        return _formatted(text, options)
    digits = text.re_search(r"^\d").ifelse(text, ibis.null("string"))  # the engine would read the words epoch and infinity
    plain = digits.try_cast(_UTC).cast(_NAIVE)
    return ibis.coalesce(plain, _written(digits, "UTC")) if options.timezone == "UTC" else _written(digits, options.timezone)


def _formatted(text: Any, options: TableMapping) -> Any:
    formats = list(options.date_format or ())
    if any("%z" in f.lower() for f in formats):
        zoned = _builtin(_try_strptime, name="try_strptime", signature=((dt.string, dt.Array(dt.string)), _UTC))
        return zoned(text, formats).cast(_NAIVE)
    naive = _builtin(_try_strptime, name="try_strptime", signature=((dt.string, dt.Array(dt.string)), dt.Timestamp()))
    return _from_zone(naive(text, formats).cast(_NAIVE), options.timezone)


def _written(text: Any, zone: str) -> Any:
    """ISO 8601 and what comes near it: with an offset, or without one and then in `zone`."""
    offset = text.re_extract(_ZONE, 1)
    zoned = offset != ""
    bare = ibis.ifelse(zoned, text.left(text.length() - offset.length()).strip(), text).re_replace(_NO_SECONDS, r"\1:00")
    clock = bare.try_cast(_NAIVE)
    digits = offset.re_replace("[^0-9]", "")
    minutes = digits.left(2).try_cast("int64").fill_null(0) * 60 + digits.substr(2, 2).try_cast("int64").fill_null(0)
    ahead = ibis.ifelse(offset.startswith("-"), -minutes, minutes)
    return zoned.ifelse(clock - ahead.as_interval("m"), _from_zone(clock, zone))


def _from_zone(clock: Any, zone: str) -> Any:
    if zone == "UTC":
        return clock
    return _builtin(_timezone, name="timezone", signature=((dt.string, _NAIVE), _UTC))(zone, clock).cast(_NAIVE)
