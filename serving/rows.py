"""Posted rows: one JSON object, a list of them, or a list under its name. Each is taken or refused on its own."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import orjson
from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from serving.errors import ProblemError, field_errors, invalid_json, invalid_request
from serving.fields import Id

_ID: Final[TypeAdapter[str]] = TypeAdapter(Id)

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Posted:
    """The rows of one body, and whether it was a single object."""

    rows: Sequence[Any]
    single: bool


class Refusal(BaseModel):
    """A row that was not taken: its place in the batch, counted from 0, and why."""

    index: int
    reason: str
    remedy: str


class Receipt(BaseModel):
    """What became of the rows: those accepted are on disk; a duplicate was there already."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"accepted": 2, "duplicate": 1, "refused": 0, "refusals": []}]})

    accepted: int = Field(description="rows that are new and stored")
    duplicate: int = Field(description="rows that were stored before, left as they were")
    refused: int = Field(description="rows that cannot be used, see refusals")
    refusals: list[Refusal]


def ids_in(posted: Posted, name: str) -> list[str]:
    """What the rows say under this name, wherever it could be an id."""
    said = [raw.get(name) for raw in posted.rows if isinstance(raw, dict)]
    return [each for each in said if isinstance(each, str) and _is_id(each)]


def _is_id(said: str) -> bool:
    try:
        _ID.validate_python(said)
    except ValidationError:
        return False
    return True


def body_schema(name: str, model: type[BaseModel]) -> dict[str, Any]:
    """What OpenAPI says about such a body: one row, a list of rows, or {name: list of rows}."""
    row = model.model_json_schema(ref_template="#/components/schemas/{model}")
    row.pop("$defs", None)
    rows = {"type": "array", "items": row}
    wrapped = {"type": "object", "properties": {name: rows}, "required": [name]}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": {"anyOf": [row, rows, wrapped]}}}}}


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
    """Rows that can be used, and refusals of the others."""

    usable: list[M]
    refusals: list[Refusal]

    def receipt(self, new: int) -> Receipt:
        """The receipt, where `new` of the usable rows were not there before."""
        return Receipt(accepted=new, duplicate=len(self.usable) - new, refused=len(self.refusals), refusals=self.refusals)


def sort_rows(posted: Posted, model: type[M], check: Callable[[M], str | None]) -> Sorted[M]:
    """Validates each row and then asks `check` for a reason against it; None takes it. A single row that is refused is the request's problem."""
    usable: list[M] = []
    refusals: list[Refusal] = []
    for index, raw in enumerate(posted.rows):
        row, refusal = _validated(raw, model, check)
        if row is not None:
            usable.append(row)
        elif posted.single:
            raise refusal
        else:
            refusals.append(Refusal(index=index, reason=refusal.problem, remedy=refusal.remedy))
    return Sorted(usable, refusals)


def _validated(raw: Any, model: type[M], check: Callable[[M], str | None]) -> tuple[M | None, ProblemError]:
    try:
        row = model.model_validate(raw)
    except ValidationError as error:
        return None, invalid_request(field_errors(error.errors(include_input=False, include_url=False)))
    reason = check(row)
    refusal = ProblemError(422, reason or "", remedy="Correct the row and send it again.", kind="refused-row")
    return (row if reason is None else None), refusal


def _check_count(rows: Sequence[Any], most: int) -> None:
    if len(rows) > most:
        raise ProblemError(
            413,
            f"{len(rows):,} rows are more than the {most:,} that one request may bring.",
            remedy="Send them in parts.",
            kind="batch-too-large",
        )
