"""Instants as whole microseconds: exact in every engine, and in a float up to the year 2255."""

from datetime import datetime, timedelta
from typing import Final

DAY_US: Final = 86_400_000_000
EPOCH: Final = datetime(1970, 1, 1)


def microseconds(instant: datetime) -> int:
    """Whole microseconds from 1970-01-01 to a naive UTC instant."""
    return (instant - EPOCH) // timedelta(microseconds=1)
