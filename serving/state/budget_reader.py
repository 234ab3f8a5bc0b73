"""What was taken from budgets, read without waiting for anybody: for decisions that are made in the event loop."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import orjson

from serving.state.budgets import Period
from serving.state.database import State
from serving.state.lookup import Lookup, Question, lookup

_INSTANT: Final = "%Y-%m-%d %H:%M:%S.%f"
_SQLITE: Final = """
SELECT :since, (
  SELECT json_group_array(json_array(action_id, period_start, contacts, money_millionths)) FROM budgets WHERE period_start >= :since
)"""
_POSTGRESQL: Final = """
SELECT asked.since, (
  SELECT json_agg(json_build_array(action_id, period_start, contacts, money_millionths))::text FROM budgets WHERE period_start >= asked.since
) FROM unnest(%(since)s::timestamp[]) AS asked(since)"""

Taken = Mapping[str, tuple[int, int]]


def taken_reader(state: State) -> Lookup[datetime]:
    """Finds what was taken in periods that began at an instant or after it, as `taken_of` reads it."""
    if state.engine.dialect.name == "sqlite":
        return lookup(state, Question(_SQLITE, lambda since: {"since": since[0].strftime(_INSTANT)}, _since_of_text))
    return lookup(state, Question(_POSTGRESQL, lambda since: {"since": list(since)}, lambda row: row[0]))


def earliest(budgets: Mapping[str, Period]) -> datetime:
    """When the first of these periods began."""
    return min(began for began, _, _ in budgets.values())


def taken_of(row: Sequence[Any], budgets: Mapping[str, Period]) -> dict[str, tuple[int, int]]:
    """Contacts and millionths of money that each of these actions took in its period, of those that took any."""
    found = {
        (action_id, datetime.fromisoformat(began)): (contacts, millionths)
        for action_id, began, contacts, millionths in orjson.loads(row[1] or b"[]")
    }
    return {action_id: found[action_id, began] for action_id, (began, _, _) in budgets.items() if (action_id, began) in found}


def _since_of_text(row: Sequence[Any]) -> datetime:
    return datetime.strptime(row[0], _INSTANT)
