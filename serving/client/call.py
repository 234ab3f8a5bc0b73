"""One call of the API as data: what to send, and how to read the answer."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from features.errors import InputError
from serving.client.errors import NoAnswerError, ProblemAnswerError, UnreadableAnswerError
from serving.client.retrying import Outcome

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

Params = tuple[tuple[str, str], ...]
_KINDS = "urn:nextbest:problem:"


@dataclass(frozen=True, repr=False)  # what is asked names customers
class Call(Generic[T]):
    """A request, and `read`, which makes its answer of the body."""

    method: str
    path: str
    read: Callable[[bytes], T]
    params: Params = ()
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Page(Protocol):
    """An answer that may have a next page."""

    next_cursor: str | None


def get(path: str, model: type[M], params: Params = ()) -> Call[M]:
    """A question."""
    return Call("GET", path, model.model_validate_json, params)


def sent(method: str, path: str, model: type[M], body: Any) -> Call[M]:
    """A call with a JSON body."""
    return Call(method, path, model.model_validate_json, (), as_json(body), {"Content-Type": "application/json"})


def at_cursor(call: Call[T], cursor: str) -> Call[T]:
    """The same list from this cursor on."""
    return replace(call, params=(*(each for each in call.params if each[0] != "cursor"), ("cursor", cursor)))


def given(**values: Any) -> dict[str, Any]:
    """The values that are not None: what is left out is the server's to choose."""
    return {name: value for name, value in values.items() if value is not None}


def query(**values: Any) -> Params:
    """Query parameters; those that are None are left out, each of a list is repeated."""
    return tuple(
        (name, _text(each)) for name, value in given(**values).items() for each in (value if isinstance(value, list | tuple) else [value])
    )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return utc(value).isoformat() if isinstance(value, datetime) else str(value)


def utc(instant: datetime) -> datetime:
    """A naive instant in UTC, as the API has them."""
    return instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant


def in_path(name: str, given_id: str, *, slashes: bool = False) -> str:
    """An id as a part of a path. InputError for one that a path cannot hold."""
    parts = given_id.split("/")
    if not given_id or any(part in (".", "..") for part in parts) or (len(parts) > 1 and not slashes):
        raise InputError(f"This {name} cannot stand in a path.", remedy=f"Give a {name} that is not empty, no dots alone and has no slash.")
    return quote(given_id, safe="")


def as_json(value: Any) -> bytes:
    """The value as JSON: what is no number is null, as a table's missing values are. InputError for what JSON cannot hold."""
    try:
        return to_json(value, inf_nan_mode="null", fallback=_plain)
    except ValueError as error:  # the message may quote the value
        kind = type(error).__name__
    raise InputError(f"This cannot be sent as JSON ({kind}).", remedy="Send texts, numbers, times, lists and mappings.")


def _plain(value: Any) -> Any:
    """A number of numpy as Python's."""
    if hasattr(value, "item"):
        return value.item()
    raise ValueError("of no kind that JSON has")


def answer_of(call: Call[T], outcome: Outcome, attempts: int) -> T:
    """The answer to a call. ClientError where it is none."""
    if isinstance(outcome, httpx.TransportError):
        raise NoAnswerError(type(outcome).__name__, attempts)
    if not outcome.is_success:
        raise _problem(outcome, attempts)
    try:
        return call.read(outcome.content)
    except ValidationError as error:  # whose message quotes the answer
        wrong = [".".join(str(part) for part in each["loc"]) for each in error.errors(include_input=False)]
    raise UnreadableAnswerError([each for each in wrong if each])


def _problem(answer: httpx.Response, attempts: int) -> ProblemAnswerError:
    said: Any = None
    if answer.headers.get("Content-Type", "").startswith("application/problem+json"):
        try:
            said = answer.json()
        except ValueError:
            said = None
    if not isinstance(said, dict):
        return ProblemAnswerError(answer.status_code, attempts=attempts)
    kind = str(said.get("type", ""))
    return ProblemAnswerError(
        answer.status_code,
        kind=kind.removeprefix(_KINDS) if kind.startswith(_KINDS) else "",
        detail=str(said.get("detail", "")),
        remedy=str(said.get("remedy", "")),
        errors=[each for each in _list(said.get("errors")) if isinstance(each, dict)],
        attempts=attempts,
    )


def _list(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else ()
