"""What can go wrong between a client and the server. No message holds a key, an id or a row: those are in the fields alone."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serving.client.rows import Kept


class ClientError(Exception):
    """The server did not do what it was asked."""


class NoAnswerError(ClientError):
    """No answer came, after so many attempts: the server is not there, or too slow. It may have done what it was asked; to ask again doubles nothing."""

    def __init__(self, why: str, attempts: int) -> None:
        super().__init__(f"No answer after {attempts} attempt{'s' if attempts > 1 else ''}: {why}.")
        self.attempts = attempts


class ProblemAnswerError(ClientError):
    """The server refused. `kind` tells problems of one status apart; empty where the answer is no problem of this API, of a proxy say.

    `detail` says what was wrong and may name ids; `errors` names each field of an unusable request, as {field, message}.
    """

    def __init__(
        self,
        status: int,
        *,
        kind: str = "",
        detail: str = "",
        remedy: str = "",
        errors: Sequence[Mapping[str, str]] = (),
        attempts: int = 1,
    ) -> None:
        said = " ".join(part for part in (str(status), kind) if part)
        super().__init__(f"{said}: {remedy}" if remedy else said)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.remedy = remedy
        self.errors = tuple(errors)
        self.attempts = attempts


class UnreadableAnswerError(ClientError):
    """The server answered something else than this version of the client knows: the two are of different versions."""

    def __init__(self, fields: Sequence[str]) -> None:
        super().__init__(f"The answer cannot be read: {', '.join(fields[:5]) or 'no JSON'}. Use the client of the server's version.")
        self.fields = tuple(fields)


class BufferFullError(ClientError):
    """As many rows wait to be sent as may: this one was not taken. The server is away, or slower than rows come."""

    def __init__(self, waiting: int) -> None:
        super().__init__(f"{waiting:,} rows wait to be sent, and no more may: the row was not taken.")
        self.waiting = waiting


class UnsentRowsError(ClientError):
    """A sender ended before these rows were sent, in `rows`; those it could send are sent. `reason` is why the last attempt failed."""

    def __init__(self, rows: "Sequence[Kept]", reason: ClientError) -> None:
        super().__init__(f"{len(rows):,} rows were not sent: {reason}")
        self.rows = tuple(rows)
        self.reason = reason
