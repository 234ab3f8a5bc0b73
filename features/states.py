"""What a feature is made of: states, declared over a few sources, and features, which finalise states.

A source is a set of one customer's rows with backward-looking columns (`features.batch` makes them in Ibis, `features.online` in NumPy):
lines (sale lines), returns (return lines) and events. A state reduces one column of a source over the rows known before `as_of`,
within the last `days` if given, half-open: [as_of - days, as_of).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Reduction = Literal["sum", "max", "min", "last"]
SOURCES = ("lines", "returns", "events")


@dataclass(frozen=True)
class State:
    """One reduction. `sum` of no rows is 0; the others are missing then. Rows whose column is missing are passed over."""

    source: str
    how: Reduction
    column: str
    days: int | None = None

    @property
    def name(self) -> str:
        """A unique name, for the column that carries the state."""
        return f"{self.source}_{self.how}_{self.column}" + (f"_{self.days}d" if self.days else "")


States = Mapping[State, Any]


@dataclass(frozen=True)
class Feature:
    """One feature: its name, family, unit, what it means to a person, and how its value comes from states and `as_of` (in microseconds)."""

    name: str
    family: str
    unit: str
    description: str
    value: Callable[[States, Any], Any]


@dataclass(frozen=True)
class Source:
    """Declares states over one source in the way they are read: `lines.sum("value", days=90)`."""

    name: str

    def sum(self, column: str, *, days: int | None = None) -> State:
        """Total of a column."""
        return State(self.name, "sum", column, days)

    def max(self, column: str, *, days: int | None = None) -> State:
        """Largest value of a column."""
        return State(self.name, "max", column, days)

    def min(self, column: str, *, days: int | None = None) -> State:
        """Smallest value of a column."""
        return State(self.name, "min", column, days)

    def last(self, column: str) -> State:
        """The newest value of a column (ties by the row's id)."""
        return State(self.name, "last", column)


class Recorder(dict[State, Any]):
    """A mapping that hands out a neutral value for every state asked for, and remembers which: how a feature's states are found."""

    def __missing__(self, state: State) -> float:
        self[state] = 1.0
        return 1.0


def states_of(features: tuple[Feature, ...]) -> tuple[State, ...]:
    """Every state that these features read, each once, in the order of first use."""
    asked = Recorder()
    for feature in features:
        feature.value(asked, 1.0)
    return tuple(asked)
