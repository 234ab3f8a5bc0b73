"""The one clock of a server: the wall's, or pinned to a time so that an old export can be served."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

SKEW = timedelta(minutes=10)
"""How far a sender's clock may run ahead of ours."""


@dataclass(frozen=True)
class Clock:
    """Gives the time of every answer; `pinned` stands still."""

    pinned: datetime | None = None

    def now(self) -> datetime:
        """The time of answers: history is what lies before it."""
        return self.pinned or wall()

    def just_now(self) -> datetime:
        """The instant of a row that came without one: the last one that belongs to history already."""
        return self.now() - timedelta(microseconds=1)

    def horizon(self) -> datetime:
        """The last instant that an honest sender could report by now."""
        return max(wall(), self.now()) + SKEW


def wall() -> datetime:
    """The wall clock, as naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)
