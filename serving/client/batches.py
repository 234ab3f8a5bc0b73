"""Rows that wait to be sent, in order, and what becomes of a batch of them. No I/O, no clock."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from serving.client.errors import BufferFullError, ClientError, ProblemAnswerError, UnsentRowsError
from serving.client.rows import Kept, Refused
from serving.wire.rows import Receipt

OnRefused = Callable[[Refused], object]

_OF_THE_ROWS: Final = frozenset({400, 413, 422})
"""Answers that refuse the batch for what is in it: in parts, all but the worst of it is taken."""


@dataclass(frozen=True)
class Limits:
    """When rows are sent, and how many may wait.

    rows, bytes: of one batch at most. seconds: the longest that a row waits for others. waiting: rows in memory at most; then giving one
    waits up to `patience` seconds for room.
    """

    rows: int = 500
    bytes: int = 1_000_000
    seconds: float = 1.0
    waiting: int = 10_000
    patience: float = 30.0


class Buffer:
    """Rows in the order given. Those of one batch are of one kind; rows of different kinds do not depend on each other."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._rows: dict[str, deque[Kept]] = {}
        self._since: float | None = None
        self._not_before = float("-inf")

    def __len__(self) -> int:
        return sum(map(len, self._rows.values()))

    @property
    def is_full(self) -> bool:
        """Whether no row may be added."""
        return len(self) >= self.limits.waiting

    def add(self, row: Kept, now: float) -> None:
        """Adds a row at this time, in seconds of any clock that does not jump."""
        self._rows.setdefault(row.kind, deque()).append(row)
        self._since = now if self._since is None else self._since

    def due_in(self, now: float) -> float | None:
        """Seconds until something has to be sent; None while nothing waits."""
        if not len(self):
            return None
        if now < self._not_before:
            return self._not_before - now
        if any(len(rows) >= self.limits.rows for rows in self._rows.values()) or self._since is None or self.is_full:
            return 0.0
        return max(0.0, self._since + self.limits.seconds - now)

    def take(self) -> list[Kept]:
        """The next batch, taken out; empty if nothing waits."""
        rows = next((rows for rows in self._rows.values() if rows), None)
        if rows is None:
            return []
        count, size = 0, 0
        for row in islice(rows, self.limits.rows):
            size += len(row.row) + 1
            if count and size > self.limits.bytes:
                break
            count += 1
        taken = [rows.popleft() for _ in range(count)]
        self._since = None if not len(self) else self._since
        return taken

    def give_back(self, rows: Sequence[Kept], now: float) -> None:
        """Puts a batch that was not sent in front again, to be tried after the time that rows wait."""
        for row in reversed(rows):
            self._rows.setdefault(row.kind, deque()).appendleft(row)
        self._since = now
        self._not_before = now + self.limits.seconds

    def all(self) -> list[Kept]:
        """What waits."""
        return [row for rows in self._rows.values() for row in rows]


class Outgoing:
    """Batches on their way: reports what is refused, and keeps what is not sent."""

    def __init__(self, on_refused: OnRefused, limits: Limits) -> None:
        self.buffer = Buffer(limits)
        self.is_open = False
        self.failed: Exception | None = None
        self._on_refused = on_refused

    def add(self, row: Kept, now: float) -> None:
        """Adds a row that has room. ClientError where no row may be given: outside of the with statement, or after a refused row could not be told."""
        if self.failed is not None:
            raise ClientError("The sender failed: on_refused raised an error, or it has a defect.") from self.failed
        if not self.is_open:
            raise ClientError("The sender is not open: use it in a with statement.")
        if self.buffer.is_full:
            raise BufferFullError(self.buffer.limits.waiting)
        self.buffer.add(row, now)

    @property
    def takes(self) -> bool:
        """Whether `add` says at once what becomes of a row."""
        return not self.is_open or self.failed is not None or not self.buffer.is_full

    def settle(self, left: list[list[Kept]], outcome: Receipt | ClientError) -> None:
        """Takes what came of the first batch of those left: refused rows are told, and parts of it put in its place. Raises what passes."""
        refused, left[:1] = settled(left[0], outcome)
        for each in refused:
            try:
                self._on_refused(each)
            except Exception as error:  # raised at the end: no other row is to be lost by it
                self.failed = self.failed or error

    def give_back(self, left: list[list[Kept]], now: float) -> None:
        """Keeps what was not sent."""
        if left:
            self.buffer.give_back([row for batch in left for row in batch], now)

    def ended(self, reason: ClientError | None) -> None:
        """Raises what went wrong until the end: an UnsentRowsError where rows were not sent, or why a refused row could not be told."""
        if reason is not None:
            raise UnsentRowsError(self.buffer.all(), reason) from self.failed
        if self.failed is not None:
            raise self.failed


def settled(batch: list[Kept], outcome: Receipt | ClientError) -> tuple[list[Refused], list[list[Kept]]]:
    """Which rows of a batch are refused, and what is still to be sent. A ClientError that speaks of the server and not of the rows is raised."""
    if isinstance(outcome, Receipt):
        return [Refused(batch[each.index].kind, batch[each.index].row, each.reason, each.remedy) for each in outcome.refusals], []
    if not isinstance(outcome, ProblemAnswerError) or outcome.status not in _OF_THE_ROWS:
        raise outcome
    if len(batch) == 1:
        return [Refused(batch[0].kind, batch[0].row, outcome.detail or str(outcome), outcome.remedy)], []
    middle = len(batch) // 2
    return [], [batch[:middle], batch[middle:]]
