"""What it means that the state database does not do what it is asked: away, locked or full, which passes, or a defect of ours, which does not."""

import sqlite3
from typing import Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from features.errors import InputError


class UnavailableError(InputError):
    """The state database cannot do it now, and nothing of it is done: the same may be asked again. `kind` says why, `retry_seconds` when.

    Where the connection was lost while it committed, all of it may be done nevertheless.
    """

    def __init__(self, problem: str, *, remedy: str, kind: str, retry_seconds: int = 1) -> None:
        super().__init__(problem, remedy=remedy)
        self.kind = kind
        self.retry_seconds = retry_seconds


def busy() -> UnavailableError:
    """More writes are waiting already than are let in."""
    return UnavailableError(
        "Too many writes are waiting for the state database.", remedy="Send the same again a little later.", kind="busy"
    )


def away() -> UnavailableError:
    """Nothing answers."""
    return UnavailableError(
        "The state database does not answer now.", remedy="Send the same again; if it persists, start the database.", kind="unavailable"
    )


def _full() -> UnavailableError:
    return UnavailableError(
        "The state database's disk is full: nothing of this was stored.",
        remedy="Make room on its disk, and send the same again.",
        kind="disk-full",
        retry_seconds=10,
    )


def _locked() -> UnavailableError:
    return UnavailableError(
        "Something else has been writing to the state database for long.", remedy="Send the same again a little later.", kind="busy"
    )


def unavailable(error: BaseException) -> UnavailableError | None:
    """What SQLAlchemy's or a driver's error says about the database; None where it speaks of the statement, or is no database's error."""
    if isinstance(error, NoConnectionError):
        return busy()
    driver = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(driver, sqlite3.Error):
        code = getattr(driver, "sqlite_errorcode", None)
        found = None if code is None else _SQLITE.get(code & 0xFF)
        return found() if found else None
    if (state := sqlstate(error)) is not None:
        return _full() if state == "53100" else away() if state[:2] in _AWAY or state in _READ_ONLY else None
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return away() if lost or type(driver).__name__ in _UNANSWERED else None


def sqlstate(error: BaseException) -> str | None:
    """PostgreSQL's five letters for what went wrong; None where it did not say."""
    found: str | None = getattr(error.orig if isinstance(error, DBAPIError) else error, "sqlstate", None)
    return found


_SQLITE: Final = {
    sqlite3.SQLITE_BUSY: _locked,
    sqlite3.SQLITE_LOCKED: _locked,
    sqlite3.SQLITE_FULL: _full,
    **dict.fromkeys(
        (
            sqlite3.SQLITE_IOERR,
            sqlite3.SQLITE_CANTOPEN,
            sqlite3.SQLITE_READONLY,
            sqlite3.SQLITE_NOMEM,
            sqlite3.SQLITE_PROTOCOL,
            sqlite3.SQLITE_CORRUPT,
            sqlite3.SQLITE_NOTADB,
        ),
        away,
    ),
}
# connection lost, resources short, operator's intervention, the system's own error: classes of PostgreSQL's appendix A
_AWAY: Final = ("08", "53", "57", "58")
_READ_ONLY: Final = ("25006",)  # a standby that was asked by mistake, or a primary that became one
_UNANSWERED: Final = ("OperationalError", "InterfaceError", "ConnectionTimeout")  # psycopg's, without a word from the server
