"""Errors over HTTP: everything that goes wrong is answered as problem+json (RFC 9457), with a remedy."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from starlette.exceptions import HTTPException

from features.errors import InputError
from serving.state.unavailable import UnavailableError, away, unavailable

MEDIA_TYPE: Final = "application/problem+json"
FieldErrors = Sequence[dict[str, str]]


class ProblemError(InputError):
    """A request that cannot be answered. `kind` lets programs tell problems of one status apart; empty says no more than the status."""

    def __init__(
        self, status: int, problem: str, *, remedy: str, kind: str = "", errors: FieldErrors = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(problem, remedy=remedy)
        self.status = status
        self.kind = kind
        self.errors = errors
        self.headers = headers

    def response(self, path: str) -> Response:
        """The problem as RFC 9457 has it; `path` is the request's."""
        body: dict[str, Any] = {
            "type": f"urn:nextbest:problem:{self.kind}" if self.kind else "about:blank",
            "title": self.kind.replace("-", " ").capitalize() if self.kind else HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.problem,
            "remedy": self.remedy,
            "instance": path,
        }
        if self.errors:
            body["errors"] = list(self.errors)
        return Response(orjson.dumps(body), self.status, self.headers, MEDIA_TYPE)


def unknown_customer(customer_id: str) -> ProblemError:
    """Nobody of this id was ever published or posted."""
    return ProblemError(
        404,
        f"No customer {customer_id!r} is known.",
        remedy="Check the id; customers come with nextbest ingest and publish, or with POST /v1/orders and /v1/events.",
        kind="unknown-customer",
    )


def too_large(most_bytes: int) -> ProblemError:
    """The body is larger than this server takes."""
    return ProblemError(
        413,
        f"The body is larger than {most_bytes:,} bytes.",
        remedy="Send fewer rows at a time, or raise NEXTBEST_MAX_BODY_BYTES.",
        kind="body-too-large",
        headers={"Connection": "close"},
    )


def invalid_json() -> ProblemError:
    """The body cannot be read at all."""
    return ProblemError(400, "The body is no JSON.", remedy="Send one JSON value in UTF-8.", kind="invalid-json")


def field_errors(errors: Sequence[Any], *, drop: int = 0) -> list[dict[str, str]]:
    """Pydantic's errors as {field, message}; `drop` leaves out leading parts of the field's place."""
    return [{"field": ".".join(str(part) for part in e["loc"][drop:]) or "body", "message": str(e["msg"])} for e in errors]


def invalid_request(errors: FieldErrors) -> ProblemError:
    """Fields that cannot be used, each named."""
    shown = "; ".join(f"{e['field']}: {e['message']}" for e in errors[:5])
    return ProblemError(
        422, shown, remedy="Correct the fields that errors names; /docs says what this route takes.", kind="invalid-request", errors=errors
    )


def install(app: FastAPI, *, database_error: type[Exception]) -> None:
    """Answers every error of this application, those of the database's driver among them; defects are answered by the telemetry around it."""
    app.add_exception_handler(InputError, _input_error)
    app.add_exception_handler(UnavailableError, _unavailable)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    for each in (DBAPIError, NoConnectionError, database_error):
        app.add_exception_handler(each, _database_error)


def _input_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, InputError)  # noqa: S101  # Starlette chose this handler by the type
    if not isinstance(error, ProblemError):
        error = ProblemError(400, error.problem, remedy=error.remedy, kind="bad-input")
    return error.response(request.url.path)


def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    found = error.errors()
    unreadable = any(e["type"] == "json_invalid" for e in found)
    return (invalid_json() if unreadable else invalid_request(field_errors(found))).response(request.url.path)


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    cause = error.__cause__
    if isinstance(cause, ProblemError):
        return cause.response(request.url.path)
    said = {
        404: f"There is no route {request.url.path}.",
        405: f"{request.method} is not for {request.url.path}.",
        400: "The body cannot be read.",
    }
    remedy = {404: "See /docs for the routes.", 405: "See /docs for the methods of this route."}.get(
        error.status_code, "Correct the request."
    )
    problem = said.get(error.status_code, str(error.detail))
    return ProblemError(error.status_code, problem, remedy=remedy, headers=error.headers).response(request.url.path)


def _unavailable(request: Request, error: Exception) -> Response:
    assert isinstance(error, UnavailableError)  # noqa: S101
    headers = {"Retry-After": str(error.retry_seconds)}
    return ProblemError(503, error.problem, remedy=error.remedy, kind=error.kind, headers=headers).response(request.url.path)


def _database_error(request: Request, error: Exception) -> Response:
    """What speaks of the database is answered so; what speaks of a statement is a defect."""
    found = unavailable(error) or (away() if isinstance(error, OperationalError) else None)
    if found is None:
        raise error
    return _unavailable(request, found)
