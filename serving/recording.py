"""Records decisions: each once, whole, and only while what it rests on still holds, so that limits and budgets are kept however many decide at once.

Whoever decides reads the situation first and decides without holding anything; here, in one transaction, nothing may have changed since. What has
is told, so that it is decided anew.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Self

from sqlalchemy import Connection

from serving.state import decisions
from serving.state.batches import Shared
from serving.state.budgets import BudgetTake, take
from serving.state.database import State


class Outcome(Enum):
    """What became of a decision that was to be recorded."""

    RECORDED = "recorded"
    KNOWN = "its id is recorded already"
    CONTACTED = "somebody else decided about them in between"
    EXHAUSTED = "a budget is no longer there"


RECORDED: Final = Outcome.RECORDED
Keep = Callable[[Connection], None]
"""Stores the policy that decided, in the transaction that records."""


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


def record(state: State, entries: Sequence[Entry], keep: Keep) -> list[Outcome]:
    """Records the decisions, and says of each what became of it, once that is on disk. `keep` stores the policy in the same transaction.

    Of two about one customer, the second is recorded if its `contact_count` has the first one's contacts in it, and the first is recorded: whatever
    rests on a contact that was not made is told to be made anew. If a budget does not hold all that is taken together, none of the decisions is
    recorded, and each is told so: decided anew, they see what is left.
    """
    return state.write(Recording(entries, keep), weight=weight_of(entries))


async def record_soon(state: State, entries: Sequence[Entry], keep: Keep) -> list[Outcome]:
    """The same, for an event loop."""
    return await state.write_soon(Recording(entries, keep), weight=weight_of(entries))


def weight_of(entries: Sequence[Entry]) -> int:
    """What recording them counts among the writes that wait: one for each ten."""
    return 1 + len(entries) // 10


@dataclass(frozen=True)
class Recording(Shared[list[Outcome]]):
    """The job that records decisions; those of many waiters are recorded by the same statements where all of them can be."""

    entries: Sequence[Entry]
    keep: Keep

    @classmethod
    def do_all(cls, connection: Connection, jobs: Sequence[Self]) -> list[list[Outcome]]:
        """What became of each job's entries: one after the other where what they take together is not there."""
        told = _still_hold(connection, jobs)
        holding = [_of(RECORDED, job.entries, outcomes) for job, outcomes in zip(jobs, told, strict=True)]
        new, failed = _write(connection, jobs, holding)
        if failed is not None and len(jobs) > 1:
            return [job(connection) for job in jobs]
        known = {entry.decision_id for entries in holding for entry in entries} - new
        return [
            [_outcome(*each, known, failed) for each in zip(job.entries, its, strict=True)] for job, its in zip(jobs, told, strict=True)
        ]


def _of(outcome: Outcome, entries: Sequence[Entry], outcomes: Sequence[Outcome]) -> list[Entry]:
    return [entry for entry, each in zip(entries, outcomes, strict=True) if each is outcome]


def _outcome(entry: Entry, held: Outcome, known: Collection[str], failed: Outcome | None) -> Outcome:
    if held is not RECORDED:
        return held
    return failed or (Outcome.KNOWN if entry.decision_id in known else RECORDED)


def _write(connection: Connection, jobs: Sequence[Recording], holding: Sequence[Sequence[Entry]]) -> tuple[set[str], Outcome | None]:
    """The ids that are new; or why nothing was written."""
    entries = [entry for each in holding for entry in each]
    may_be_undone = len(entries) > 1 or any(entry.takes for entry in entries)
    part = connection.begin_nested() if may_be_undone else None
    new = _added(connection, entries)
    failed = Outcome.CONTACTED if len(jobs) > 1 and len(new) < len(entries) else _failed(connection, jobs, holding, new)
    if part is not None:
        end = part.commit if failed is None else part.rollback
        end()
    return new, failed


def _failed(connection: Connection, jobs: Sequence[Recording], holding: Sequence[Sequence[Entry]], new: Collection[str]) -> Outcome | None:
    """Why what was added must not stay; None, with the policies kept and the budgets taken from, where it may."""
    if any(_rest_on_others(entries, new) for entries in holding):
        return Outcome.CONTACTED
    for job, entries in zip(jobs, holding, strict=True):
        if any(entry.decision_id in new for entry in entries):
            job.keep(connection)
    takes = [each for entries in holding for entry in entries if entry.decision_id in new for each in entry.takes]
    return None if take(connection, takes) else Outcome.EXHAUSTED


def _still_hold(connection: Connection, jobs: Sequence[Recording]) -> list[list[Outcome]]:
    """Which of them rest on the contacts as they are now; nobody decides about any of these customers until the transaction ends."""
    subject_ids = sorted({each for job in jobs for entry in job.entries for each in entry.subject_ids})
    decisions.take_turn(connection, subject_ids)
    counts, seen = decisions.contact_counts(connection, subject_ids), set[str]()
    return [_hold(job.entries, counts, seen) for job in jobs]


def _hold(entries: Sequence[Entry], counts: dict[str, int], seen: set[str]) -> list[Outcome]:
    """The same of one job, by these numbers of contacts; what it adds to them is added to them, and its ids to those `seen`."""
    told, lost = list[Outcome](), set[str]()
    for entry in entries:
        unchanged = sum(counts.get(each, 0) for each in entry.subject_ids) == entry.contact_count and lost.isdisjoint(entry.subject_ids)
        again = entry.decision_id in seen
        told.append(Outcome.KNOWN if again else RECORDED if unchanged else Outcome.CONTACTED)
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
