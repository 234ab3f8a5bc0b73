"""Posted rows: one JSON object, a list of them, or a list under its name. Each is taken or refused on its own."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import orjson
from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, TypeAdapter, ValidationError

from serving.errors import ProblemError, field_errors, invalid_json, invalid_request
from serving.wire.rows import Receipt, Refusal

M = TypeVar("M", bound=BaseModel)

_AT_ONCE: Final = 250
"""Rows that are validated while everybody else waits: a millisecond or two."""


@dataclass(frozen=True)
class Posted:
    """The rows of one body, and whether it was a single object."""

    rows: Sequence[Any]
    single: bool


def body_schema(name: str, model: type[BaseModel]) -> dict[str, Any]:
    """What OpenAPI says about such a body: one row, a list of rows, or {name: list of rows}."""
    row = model.model_json_schema(ref_template="#/components/schemas/{model}")
    row = _whole(row, row.pop("$defs", {}))
    rows = {"type": "array", "items": row}
    wrapped = {"type": "object", "properties": {name: rows}, "required": [name]}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": {"anyOf": [row, rows, wrapped]}}}}}


def _whole(schema: Any, parts: dict[str, Any]) -> Any:
    """The schema with its parts in their places: FastAPI does not know of them."""
    if isinstance(schema, list):
        return [_whole(each, parts) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _whole(parts[schema["$ref"].rpartition("/")[2]], parts)
    return {name: _whole(each, parts) for name, each in schema.items()}


def reader(name: str) -> Callable[[Request], Awaitable[Posted]]:
    """A dependency that reads such a body."""

    async def read(request: Request) -> Posted:
        try:
            body = orjson.loads(await request.body())
        except orjson.JSONDecodeError as error:
            raise invalid_json() from error
        if isinstance(body, dict) and isinstance(body.get(name), list):
            body = body[name]
        if not isinstance(body, list | dict):
            raise invalid_request([{"field": "body", "message": f"must be an object, a list of objects, or {{{name!r}: list}}"}])
        found = Posted(body, single=False) if isinstance(body, list) else Posted([body], single=True)
        _check_count(found.rows, request.app.state.serving.settings.max_batch_rows)
        return found

    return read


@dataclass(frozen=True)
class Sorted(Generic[M]):
    """Rows that can be used, with their places in the batch, and refusals of the others."""

    usable: list[M]
    places: Sequence[int]
    refusals: list[Refusal]
    single: bool

    @property
    def weight(self) -> int:
        """What storing them counts among the writes that wait: one for each hundred rows."""
        return 1 + (len(self.usable) - 1) // 100

    def receipt(self, new: int, refused: Mapping[int, str] | None = None) -> Receipt:
        """The receipt, where `new` of the usable rows were not there before, and those at these of their places are refused for these reasons."""
        if refused and self.single:
            raise _refused(next(iter(refused.values())))
        more = [_refusal(self.places[place], _refused(reason)) for place, reason in (refused or {}).items()]
        refusals = sorted(self.refusals + more, key=lambda each: each.index)
        return Receipt(accepted=new, duplicate=len(self.usable) - len(more) - new, refused=len(refusals), refusals=refusals)


def answered(receipt: Receipt) -> Response:
    """The receipt as JSON."""
    return Response(orjson.dumps(receipt.model_dump()), media_type="application/json")


async def sorted_soon(posted: Posted, several: TypeAdapter[list[M]], check: Callable[[M], str | None]) -> Sorted[M]:
    """`sort_rows`; of a large batch in a thread, so that others are answered meanwhile."""
    if len(posted.rows) <= _AT_ONCE:
        return sort_rows(posted, several, check)
    return await run_in_threadpool(sort_rows, posted, several, check)


def sort_rows(posted: Posted, several: TypeAdapter[list[M]], check: Callable[[M], str | None]) -> Sorted[M]:
    """Validates each row and then asks `check` for a reason against it; None takes it. A single row that is refused is the request's problem."""
    rows, refusals = _validated(posted, several)
    usable: list[M] = []
    places: list[int] = []
    for index, row in rows:
        if (reason := check(row)) is None:
            usable.append(row)
            places.append(index)
        elif posted.single:
            raise _refused(reason)
        else:
            refusals.append(_refusal(index, _refused(reason)))
    return Sorted(usable, places, sorted(refusals, key=lambda each: each.index), posted.single)


def _validated(posted: Posted, several: TypeAdapter[list[M]]) -> tuple[Iterable[tuple[int, M]], list[Refusal]]:
    """All at once, as they are nearly always right; else one by one, to tell which are not."""
    try:
        return enumerate(several.validate_python(posted.rows)), []
    except ValidationError:
        return _one_by_one(posted, several)


def _one_by_one(posted: Posted, several: TypeAdapter[list[M]]) -> tuple[list[tuple[int, M]], list[Refusal]]:
    rows: list[tuple[int, M]] = []
    refusals: list[Refusal] = []
    for index, raw in enumerate(posted.rows):
        try:
            rows.append((index, several.validate_python([raw])[0]))
        except ValidationError as error:
            problem = invalid_request(field_errors(error.errors(include_input=False, include_url=False), drop=1))
            if posted.single:
                raise problem from None
            refusals.append(_refusal(index, problem))
    return rows, refusals


def _refused(reason: str) -> ProblemError:
    return ProblemError(422, reason, remedy="Correct the row and send it again.", kind="refused-row")


def _refusal(index: int, problem: ProblemError) -> Refusal:
    return Refusal(index=index, reason=problem.problem, remedy=problem.remedy)


def _check_count(rows: Sequence[Any], most: int) -> None:
    if len(rows) > most:
        raise ProblemError(
            413,
            f"{len(rows):,} rows are more than the {most:,} that one request may bring.",
            remedy="Send them in parts.",
            kind="batch-too-large",
        )
