"""DuckDB's functions that the expressions call by name, said in Spark's SQL."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import sqlglot.expressions as sge


def json_valid(text: Any) -> Any:
    """Whether a text is JSON, null for null; NaN and a comma before a bracket, which DuckDB takes, are none.

    One of Spark's parsers is strict and stops after the first value; another is not strict, and counts: the text is one value
    if it is the first of exactly two in a list.
    """
    strict = sge.Not(this=_is_null(_call("try_parse_json", text)))
    among = _call("concat", sge.convert("["), text, sge.convert(",0]"))
    one = _call("coalesce", sge.EQ(this=_call("json_array_length", among), expression=sge.convert(2)), sge.false())
    return sge.If(this=_is_null(text), true=sge.Null(), false=sge.And(this=strict, expression=one))


def fingerprint(*values: Any) -> Any:
    """A number of 64 bits that equal values share; it is another one than DuckDB's."""
    return _call("xxhash64", *values)


def _is_null(value: Any) -> Any:
    return sge.Paren(this=sge.Is(this=value, expression=sge.Null()))


def _call(name: str, *values: Any) -> Any:
    return sge.Anonymous(this=name, expressions=list(values))


WORDS: Final[Mapping[str, Callable[..., Any]]] = {"json_valid": json_valid, "hash": fingerprint}
