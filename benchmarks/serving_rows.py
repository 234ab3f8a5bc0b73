"""Rows of the table that `make bench-serving` prints."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One figure with its unit, the most (or, `at_least`, the least) that it may be, and what else is to be told."""

    what: str
    figure: float
    unit: str
    target: float | None = None
    more: str = ""
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the figure is as it should be; None without a target."""
        if self.target is None:
            return None
        return self.figure >= self.target if self.at_least else self.figure <= self.target

    def line(self) -> str:
        """A row in Markdown."""
        bound = "" if self.target is None else f"{'≥' if self.at_least else '≤'} {_told(self.target)} {self.unit}"
        said = {True: "met", False: "missed", None: ""}[self.met]
        return f"| {self.what} | {_told(self.figure)} {self.unit} | {bound} | {': '.join(filter(None, (said, self.more)))} |"


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    return "\n".join(["| what | figure | target | |", "|---|---|---|---|", *(row.line() for row in rows)])


def _told(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
