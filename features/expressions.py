"""What an expression means, for one mapping of scalars and for a whole table: each part says both, side by side.

A value is a number, a text, or missing. True and false are the numbers 1 and 0; an instant is its ISO text; every other thing is missing.
Arithmetic with a missing value, with text, or a division by zero is missing. A comparison with a missing value is false, also `!=`.
A number and a text are never equal, and neither comes first. Alone, a missing value, 0 and an empty text are false.
"""

# ruff: noqa: D102 - `one` and `many` are documented once, in the protocols Value and Condition

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from numbers import Real
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Scalar = float | str | None
Mask = NDArray[np.bool_]

ARITHMETIC: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
COMPARISONS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Column:
    """Values of many rows: `numbers` is NaN where a row has no number, `is_text` tells where `texts` holds one."""

    numbers: NDArray[np.float64]
    texts: NDArray[np.object_]
    is_text: Mask

    @property
    def known(self) -> Mask:
        """Where there is a value at all."""
        return np.asarray(self.is_text | ~np.isnan(self.numbers))


class Value(Protocol):
    """A part of an expression that has a value."""

    def one(self, values: Mapping[str, object]) -> Scalar:
        """Its value for one mapping."""

    def many(self, frame: pd.DataFrame) -> Column:
        """Its values for every row."""


class Condition(Protocol):
    """A part of an expression that is true or false."""

    def one(self, values: Mapping[str, object]) -> bool:
        """Whether it is true for one mapping."""

    def many(self, frame: pd.DataFrame) -> Mask:
        """Where it is true."""


def scalar(value: object) -> Scalar:
    """The value as the language sees it: a number, a text, or None for missing."""
    if type(value) is float:  # nearly always, and much cheaper than what follows
        return value if value == value else None
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, Real | Decimal | np.bool_):
        return _number(value)
    if isinstance(value, np.datetime64):
        return scalar(pd.Timestamp(value))
    return value.isoformat() if isinstance(value, date) else None


def _number(value: Real | Decimal | np.bool_) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return None
    return None if number != number else number


def column(series: "pd.Series[Any]") -> Column:
    """The column as the language sees it."""
    if pd.api.types.is_bool_dtype(series.dtype) or pd.api.types.is_numeric_dtype(series.dtype):
        numbers = series.to_numpy(dtype=np.float64, na_value=np.nan)
        return Column(numbers, np.full(1, None), np.zeros(1, dtype=bool))
    return _column_of([scalar(value) for value in series])


def _column_of(values: list[Scalar]) -> Column:
    texts = np.array([v if isinstance(v, str) else None for v in values], dtype=object)
    numbers = np.array([v if isinstance(v, float) else np.nan for v in values], dtype=np.float64)
    return Column(numbers, texts, np.array([isinstance(v, str) for v in values], dtype=bool))


@dataclass(frozen=True)
class Constant:
    """A number or a text that is written in the expression."""

    value: float | str

    def one(self, values: Mapping[str, object]) -> Scalar:  # noqa: ARG002 - the same for every mapping
        return self.value

    def many(self, frame: pd.DataFrame) -> Column:  # noqa: ARG002 - one row, broadcast
        return _column_of([self.value])


@dataclass(frozen=True)
class Name:
    """A named value; missing where the mapping or the table does not have it."""

    name: str

    def one(self, values: Mapping[str, object]) -> Scalar:
        return scalar(values.get(self.name))

    def many(self, frame: pd.DataFrame) -> Column:
        return column(frame[self.name]) if self.name in frame.columns else _column_of([None])


@dataclass(frozen=True)
class Arithmetic:
    """Two numbers added, subtracted, multiplied or divided."""

    sign: str
    left: Value
    right: Value

    def one(self, values: Mapping[str, object]) -> Scalar:
        left, right = self.left.one(values), self.right.one(values)
        if not isinstance(left, float) or not isinstance(right, float) or (self.sign == "/" and right == 0):
            return None
        return _number(ARITHMETIC[self.sign](left, right))

    def many(self, frame: pd.DataFrame) -> Column:
        left, right = self.left.many(frame).numbers, self.right.many(frame).numbers
        divisor = np.where(right == 0, np.nan, right) if self.sign == "/" else right
        with np.errstate(all="ignore"):
            return Column(ARITHMETIC[self.sign](left, divisor), np.full(1, None), np.zeros(1, dtype=bool))


@dataclass(frozen=True)
class Indicator:
    """1 where a condition is true, 0 where it is false."""

    condition: Condition

    def one(self, values: Mapping[str, object]) -> Scalar:
        return float(self.condition.one(values))

    def many(self, frame: pd.DataFrame) -> Column:
        numbers = self.condition.many(frame).astype(np.float64)
        return Column(numbers, np.full(1, None), np.zeros(1, dtype=bool))


@dataclass(frozen=True)
class Truth:
    """Whether a value that stands alone is true: known, not 0, not an empty text."""

    value: Value

    def one(self, values: Mapping[str, object]) -> bool:
        return bool(self.value.one(values))

    def many(self, frame: pd.DataFrame) -> Mask:
        found = self.value.many(frame)
        known_number = ~np.isnan(found.numbers) & (found.numbers != 0)
        return np.asarray(known_number | (found.is_text & (found.texts != "")))


@dataclass(frozen=True)
class Comparison:
    """One value compared with another."""

    sign: str
    left: Value
    right: Value

    def one(self, values: Mapping[str, object]) -> bool:
        left, right = self.left.one(values), self.right.one(values)
        if type(left) is float and type(right) is float:  # nearly always
            return bool(COMPARISONS[self.sign](left, right))
        if left is None or right is None:
            return False
        if isinstance(left, str) != isinstance(right, str):
            return self.sign == "!="
        return bool(COMPARISONS[self.sign](left, right))

    def many(self, frame: pd.DataFrame) -> Mask:
        left, right = self.left.many(frame), self.right.many(frame)
        numbers = ~np.isnan(left.numbers) & ~np.isnan(right.numbers)
        found = np.asarray(numbers & COMPARISONS[self.sign](left.numbers, right.numbers))
        found = found | _texts(self.sign, left, right)
        return np.asarray(found | (left.known & right.known & (left.is_text != right.is_text))) if self.sign == "!=" else found


def _texts(sign: str, left: Column, right: Column) -> Mask:
    both = np.asarray(left.is_text & right.is_text)
    found = np.zeros(both.shape, dtype=bool)
    if both.any():
        first, second = np.broadcast_to(left.texts, both.shape)[both], np.broadcast_to(right.texts, both.shape)[both]
        found[both] = COMPARISONS[sign](first, second).astype(bool)
    return found


@dataclass(frozen=True)
class Every:
    """All of the parts are true."""

    parts: tuple[Condition, ...]

    def one(self, values: Mapping[str, object]) -> bool:
        return all(part.one(values) for part in self.parts)

    def many(self, frame: pd.DataFrame) -> Mask:
        found = self.parts[0].many(frame)
        for part in self.parts[1:]:
            found = found & part.many(frame)
        return found


@dataclass(frozen=True)
class Either:
    """At least one of the parts is true."""

    parts: tuple[Condition, ...]

    def one(self, values: Mapping[str, object]) -> bool:
        return any(part.one(values) for part in self.parts)

    def many(self, frame: pd.DataFrame) -> Mask:
        found = self.parts[0].many(frame)
        for part in self.parts[1:]:
            found = found | part.many(frame)
        return found


@dataclass(frozen=True)
class Opposite:
    """True where the part is false."""

    part: Condition

    def one(self, values: Mapping[str, object]) -> bool:
        return not self.part.one(values)

    def many(self, frame: pd.DataFrame) -> Mask:
        return ~self.part.many(frame)
