"""What a feature is made of: states, declared over a few sources, and features, which finalise states.

A source is a set of one customer's rows with backward-looking columns (`features.sources` makes them in Ibis, `features.online` in NumPy).
A state reduces one column of a source over the rows known before `as_of`, within the last `days` if given, half-open: [as_of - days, as_of).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

Reduction = Literal["sum", "max", "min", "last"]


@dataclass(frozen=True, eq=False)
class State:
    """One reduction. `sum` of no rows is 0; the others are missing then. Rows whose column is missing are passed over.

    `last` is the column's value in the newest row (the one with the greatest `sequence`). Made by a `Source`, equal ones are one object.
    """

    source: str
    how: Reduction
    column: str
    days: int | None

    @property
    def name(self) -> str:
        """A unique name, for the column that carries the state."""
        return f"{self.source}_{self.how}_{self.column}" + (f"_{self.days}d" if self.days else "")


_state = cache(State)
States = Mapping[State, Any]


@dataclass(frozen=True)
class Feature:
    """One feature: its name, family, unit, what it means to a person, and how its value comes from states and `as_of` (in microseconds)."""

    name: str
    family: str
    unit: str
    description: str
    value: Callable[[States, Any], Any]

    @property
    def longest_window_days(self) -> int:
        """Days of the longest window that it looks back through; 0 where it looks at everything."""
        return max((state.days or 0 for state in states_of([self])), default=0)


@dataclass(frozen=True)
class Source:
    """Declares states over one source in the way they are read: `orders.sum("value", days=90)`."""

    name: str

    def sum(self, column: str, *, days: int | None = None) -> State:
        """Total of a column."""
        return _state(self.name, "sum", column, days)

    def max(self, column: str, *, days: int | None = None) -> State:
        """Largest value of a column."""
        return _state(self.name, "max", column, days)

    def min(self, column: str, *, days: int | None = None) -> State:
        """Smallest value of a column."""
        return _state(self.name, "min", column, days)

    def last(self, column: str) -> State:
        """The value of a column in the newest row that has one."""
        return _state(self.name, "last", column, None)


class Recorder(dict[State, Any]):
    """A mapping that hands out a neutral value for every state asked for, and remembers which: how a feature's states are found."""

    def __missing__(self, state: State) -> float:
        self[state] = 1.0
        return 1.0


def states_of(features: Iterable[Feature]) -> tuple[State, ...]:
    """Every state that these features read, each once, in the order of first use."""
    asked = Recorder()
    for feature in features:
        feature.value(asked, 1.0)
    return tuple(asked)
