"""What a report is made of: chapters of tables, each with a sentence that says how to read it, and the bars to draw from its columns."""

from dataclasses import dataclass
from typing import Final

import pandas as pd

PERCENT: Final = ", %"
"""The end of a column's name whose numbers are shares of a hundred."""
MISSING: Final = "–"


@dataclass(frozen=True)
class Bars:
    """A picture of a table: for every row, named by column `label`, one bar of each of `values`; `error` is the standard error of the last."""

    title: str
    label: str
    values: tuple[str, ...]
    error: str | None = None


@dataclass(frozen=True)
class Part:
    """One table under a heading, how it is to be read, and its picture."""

    heading: str
    words: str
    table: pd.DataFrame
    bars: Bars | None = None


@dataclass(frozen=True)
class Chapter:
    """Parts that belong together."""

    heading: str
    parts: tuple[Part, ...]


def number(value: object, column: str) -> str:
    """A cell's text: counts with thousands' commas, percentages and numbers from ten with one decimal, others with three; a dash where there is none."""
    if value is None or value != value:
        return MISSING
    if isinstance(value, float):
        return f"{value:,.1f}" if column.endswith(PERCENT) or abs(value) >= 10.0 else f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def cells(table: pd.DataFrame) -> list[list[str]]:
    """The texts of a table's rows."""
    names = [str(name) for name in table.columns]
    return [[number(value, name) for value, name in zip(row, names, strict=True)] for row in table.astype(object).to_numpy().tolist()]


def is_number(table: pd.DataFrame, column: str) -> bool:
    """Whether a column holds numbers, which stand to the right."""
    return pd.api.types.is_numeric_dtype(table[column])
