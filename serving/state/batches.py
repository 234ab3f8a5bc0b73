"""A batch of jobs in one transaction: one that raises is undone alone, and none holds up the others."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, Generic, Self, TypeVar

from sqlalchemy import Connection, Engine

from serving.state.unavailable import UnavailableError, away, sqlstate, unavailable

_TRIES: Final = 5
_WAITED_IN_VAIN: Final = ("40P01", "40001", "55P03")  # deadlock, serialization failure, lock timeout

# a batch holds the locks of all its jobs, so that two batches may wait for each other; whoever is alone takes locks in one order and waits in line
_BATCH_PATIENCE: Final = "SET LOCAL lock_timeout = '200ms'"
_PATIENCE: Final = "SET lock_timeout = '10s'"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job returned, or raised."""

    value: Any = None
    error: BaseException | None = None


T = TypeVar("T")
Job = Callable[[Connection], Any]
Jobs = Sequence[Job]


class Shared(ABC, Generic[T]):
    """A job of which those of many waiters are done by the same statements."""

    def __call__(self, connection: Connection) -> T:
        """Does this one."""
        return self.do_all(connection, [self])[0]

    @classmethod
    @abstractmethod
    def do_all(cls, connection: Connection, jobs: Sequence[Self]) -> list[T]:
        """Does these; tells each what it would be told if they were done one after the other."""


class Batches:
    """Does batches on a connection of its own, opened when it is needed. `alone` is held during each transaction."""

    def __init__(self, engine: Engine, alone: AbstractContextManager[Any]) -> None:
        self._engine = engine
        self._alone = alone
        self._connection: Connection | None = None

    def do(self, jobs: Jobs) -> list[Outcome]:
        """What became of each job, when all that is done is on disk; an UnavailableError is a new one for each."""
        if len(jobs) == 1:
            return [self._by_itself(jobs[0])]
        try:
            return self._together(jobs)
        except UnavailableError as error:
            return [Outcome(error=_own(error)) for _ in jobs]
        except Exception:
            return self._apart(jobs)

    def close(self) -> None:
        """Closes the connection; the next batch opens another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):  # it may be lost already
                connection.close()

    def _together(self, jobs: Jobs) -> list[Outcome]:
        with self._transaction(hurry=True) as connection:
            return [Outcome(value) for value in _values(connection, jobs)]

    def _apart(self, jobs: Jobs) -> list[Outcome]:
        """Each with a savepoint around it, and what waited in vain for others' locks after that by itself."""
        try:
            with self._transaction(hurry=True) as connection:
                found = [_within_savepoint(connection, job) for job in jobs]
        except Exception as error:
            return [Outcome(error=_own(error)) for _ in jobs]
        return [self._by_itself(job) if _in_vain(outcome.error) else outcome for job, outcome in zip(jobs, found, strict=True)]

    def _by_itself(self, job: Job) -> Outcome:
        tries = 0
        while True:
            tries, was_open = tries + 1, self._connection is not None
            try:
                with self._transaction() as connection:
                    value = job(connection)
                return Outcome(value)
            except Exception as error:
                stale = was_open and unavailable(error) is not None  # the database was restarted since the last batch
                if tries == _TRIES or not (stale or _in_vain(error)):
                    return Outcome(error=_own(error))

    @contextmanager
    def _transaction(self, *, hurry: bool = False) -> Iterator[Connection]:
        """UnavailableError if it could not be committed: it may be on disk all the same, so it must not be done again."""
        with self._alone:
            try:
                connection = self._connection = self._connection or self._connect()
                begun = connection.begin()
                if hurry and self._on_postgresql:
                    connection.exec_driver_sql(_BATCH_PATIENCE)
                yield connection
            except BaseException as error:
                self._undo(error)
                raise
            try:
                begun.commit()
            except Exception as error:
                self.close()
                raise unavailable(error) or away() from error

    def _undo(self, error: BaseException) -> None:
        connection = self._connection
        if connection is None or unavailable(error) is not None:
            self.close()
            return
        try:
            connection.rollback()
        except Exception:
            self.close()

    def _connect(self) -> Connection:
        connection = self._engine.connect().execution_options(writes=True)
        connection.detach()  # ours from now on, and no longer one of those that requests wait for
        if self._on_postgresql:
            connection.exec_driver_sql(_PATIENCE)
            connection.commit()
        return connection

    @property
    def _on_postgresql(self) -> bool:
        return self._engine.dialect.name == "postgresql"


def _values(connection: Connection, jobs: Jobs) -> Iterator[Any]:
    for kind, alike in groupby(jobs, type):
        some: list[Any] = list(alike)
        yield from kind.do_all(connection, some) if issubclass(kind, Shared) else [job(connection) for job in some]


def _within_savepoint(connection: Connection, job: Job) -> Outcome:
    """Raises only what speaks of the database, and not of the job."""
    try:
        with connection.begin_nested():
            value = job(connection)
        return Outcome(value)
    except Exception as error:
        if unavailable(error) is not None:
            raise
        return Outcome(error=error)


def _in_vain(error: BaseException | None) -> bool:
    return error is not None and sqlstate(error) in _WAITED_IN_VAIN


def _own(error: BaseException) -> BaseException:
    """For one of many who are told: an error that is raised several times would gather all their tracebacks."""
    if isinstance(error, UnavailableError):
        return UnavailableError(error.problem, remedy=error.remedy, kind=error.kind, retry_seconds=error.retry_seconds)
    return unavailable(error) or error
