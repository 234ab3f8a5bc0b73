"""Records decisions: each once, whole, and only while what it rests on still holds, so that limits and budgets are kept however many decide at once.

Whoever decides reads the situation first and decides without holding anything; here, in one transaction, nothing may have changed since. What has
is told, so that it is decided anew.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlalchemy import Connection

from serving.state import decisions
from serving.state.budgets import BudgetTake, take
from serving.state.database import State


class Outcome(Enum):
    """What became of a decision that was to be recorded."""

    RECORDED = "recorded"
    KNOWN = "its id is recorded already"
    CONTACTED = "somebody else decided about them in between"
    EXHAUSTED = "a budget is no longer there"


@dataclass(frozen=True)
class Entry:
    """A decision to be recorded: its row and contacts (of the tables), what it takes, and what it rests on.

    `subject_ids` are the ids under which contacts with this customer are recorded, the first of them those of this decision; `contact_count` is how
    many there were when the situation was read (`serving.state.decisions.contact_counts`), and those of earlier entries which it has seen.
    """

    row: Mapping[str, Any]
    contacts: Sequence[Mapping[str, Any]]
    takes: Sequence[BudgetTake]
    subject_ids: tuple[str, ...]
    contact_count: int

    @property
    def decision_id(self) -> str:
        """Its id."""
        return str(self.row["decision_id"])


def record(state: State, entries: Sequence[Entry], keep: Callable[[Connection], None]) -> list[Outcome]:
    """Records the decisions, and says of each what became of it, once that is on disk. `keep` stores the policy in the same transaction.

    Of two about one customer, the second is recorded if its `contact_count` has the first one's contacts in it, and the first is recorded: whatever
    rests on a contact that was not made is told to be made anew. If a budget does not hold all that is taken together, none of the decisions is
    recorded, and each is told so: decided anew, they see what is left.
    """
    return state.write(recording(entries, keep), weight=weight_of(entries))


async def record_soon(state: State, entries: Sequence[Entry], keep: Callable[[Connection], None]) -> list[Outcome]:
    """The same, for an event loop."""
    return await state.write_soon(recording(entries, keep), weight=weight_of(entries))


def recording(entries: Sequence[Entry], keep: Callable[[Connection], None]) -> Callable[[Connection], list[Outcome]]:
    """The job that records them (`State.write`)."""
    return lambda connection: _record(connection, entries, keep)


def weight_of(entries: Sequence[Entry]) -> int:
    """What recording them counts among the writes that wait: one for each ten."""
    return 1 + len(entries) // 10


def _record(connection: Connection, entries: Sequence[Entry], keep: Callable[[Connection], None]) -> list[Outcome]:
    outcomes = _still_hold(connection, entries)
    holding = [entry for entry, outcome in zip(entries, outcomes, strict=True) if outcome is Outcome.RECORDED]
    may_be_undone = len(holding) > 1 or any(entry.takes for entry in holding)
    part = connection.begin_nested() if may_be_undone else None
    new = _added(connection, holding)
    failed = _failed(connection, holding, new, keep)
    if part is not None and failed is not None:
        part.rollback()
        return [failed if outcome is Outcome.RECORDED else outcome for outcome in outcomes]
    if part is not None:
        part.commit()
    known = {entry.decision_id for entry in holding} - new
    return [Outcome.KNOWN if entry.decision_id in known else outcome for entry, outcome in zip(entries, outcomes, strict=True)]


def _failed(connection: Connection, holding: Sequence[Entry], new: Collection[str], keep: Callable[[Connection], None]) -> Outcome | None:
    """Why what was added must not stay; None, with the policy kept and the budgets taken from, where it may."""
    if _rest_on_others(holding, new):
        return Outcome.CONTACTED
    if new:
        keep(connection)
    takes = [each for entry in holding if entry.decision_id in new for each in entry.takes]
    return None if take(connection, takes) else Outcome.EXHAUSTED


def _still_hold(connection: Connection, entries: Sequence[Entry]) -> list[Outcome]:
    """Which of them rest on the contacts as they are now; nobody decides about any of these customers until the transaction ends."""
    subject_ids = sorted({each for entry in entries for each in entry.subject_ids})
    decisions.take_turn(connection, subject_ids)
    counts, told = decisions.contact_counts(connection, subject_ids), list[Outcome]()
    seen, lost = set[str](), set[str]()
    for entry in entries:
        unchanged = sum(counts.get(each, 0) for each in entry.subject_ids) == entry.contact_count and lost.isdisjoint(entry.subject_ids)
        again = entry.decision_id in seen
        told.append(Outcome.KNOWN if again else Outcome.RECORDED if unchanged else Outcome.CONTACTED)
        if unchanged and not again:
            seen.add(entry.decision_id)
            counts[entry.subject_ids[0]] = counts.get(entry.subject_ids[0], 0) + len(entry.contacts)
        elif entry.contacts:
            lost.update(entry.subject_ids)
    return told


def _rest_on_others(holding: Sequence[Entry], new: Collection[str]) -> bool:
    """Whether one that is new comes after one about the same customer whose id somebody else recorded meanwhile: its contacts are not these."""
    if len(new) == len(holding):
        return False
    lost = set[str]()
    for entry in holding:
        if entry.decision_id not in new:
            lost.update(entry.subject_ids)
        elif not lost.isdisjoint(entry.subject_ids):
            return True
    return False


def _added(connection: Connection, entries: Sequence[Entry]) -> set[str]:
    rows, contacts = [dict(entry.row) for entry in entries], [dict(each) for entry in entries for each in entry.contacts]
    if len(rows) == 1:
        return {entries[0].decision_id} if decisions.add(connection, rows[0], contacts) else set()
    return decisions.add_many(connection, rows, contacts)
