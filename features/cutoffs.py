"""The only place where time is cut: history is [.., as_of), a label window is [as_of, as_of + horizon)."""

from datetime import UTC, datetime, timedelta

from features.contract import TABLES
from features.engine import Tables
from features.errors import InputError


def parse_as_of(text: str) -> datetime:
    """A date (its midnight) or an instant in ISO form, naive or zoned, as naive UTC. InputError when it is neither."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{text!r} is no time.", remedy="Give a date or an instant in ISO form: 2026-03-31, 2026-03-31T18:00.") from error
    return instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant


def newest(tables: Tables) -> datetime | None:
    """The instant of the newest order line, event, decision or outcome; None for a home without any."""
    found = [getattr(tables, name)[t.instant].max().execute() for name, t in TABLES.items() if t.instant]
    known = [value.to_pydatetime() for value in found if value is not None and value == value]
    return max(known, default=None)


def default_as_of(tables: Tables) -> datetime:
    """The first instant after the newest row, so that the default history is everything there is. InputError for an empty home."""
    last = newest(tables)
    if last is None:
        raise InputError("This home holds no orders, events or decisions.", remedy="Bring some in: nextbest ingest --orders FILE.")
    return last + timedelta(microseconds=1)


def first_order_at(tables: Tables) -> datetime | None:
    """The instant of the oldest order line; None without orders."""
    value = tables.orders.ordered_at.min().execute()
    return value.to_pydatetime() if value is not None and value == value else None


def panel(first_at: datetime, as_of: datetime, horizon_days: int, *, most: int = 12) -> list[datetime]:
    """Ascending cut-offs for training, the newest one horizon before `as_of`, so that no label crosses it.

    They stand a third of a horizon apart (a week at least), reach back no further than leaves one horizon of history
    before the oldest, and number `most` at most. InputError when the history is too short for a single one.
    """
    horizon = timedelta(days=horizon_days)
    step = max(timedelta(days=7), horizon / 3)
    cuts = [as_of - horizon - i * step for i in range(most)]
    kept = [cut for cut in cuts if cut - horizon >= first_at] or [cut for cut in cuts[:1] if cut - horizon / 4 > first_at]
    if not kept:
        days = (as_of - first_at).days
        raise InputError(
            f"{days} days of history are too few to learn what happens within {horizon_days} days.",
            remedy=f"Train with --horizon-days {days // 3} or less, or bring older orders in." if days >= 3 else "Bring older orders in.",
        )
    return kept[::-1]
