"""What /openapi.json says beyond what the routes' types tell: keys, and the problems that each route may answer."""

from collections.abc import Sequence
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from starlette.routing import BaseRoute

from serving.errors import MEDIA_TYPE
from serving.wire.problem import Problem

_WITHOUT_KEY: Final = frozenset({"/healthz", "/readyz"})
_WITHOUT_DATABASE: Final = frozenset({"/healthz"})
_KEY: Final = "key"

_ABOUT_KEYS: Final = {
    "401": "no valid key",
    "403": "a key whose role is too low; without keys, another name than this machine's or a page of another site",
}
_ABOUT_BODIES: Final = {
    "400": "no JSON, or something in it that does not exist",
    "413": "a body that is too large, or too many rows",
    "415": "a body that is not sent as application/json",
}
_FIELDS: Final = {"422": "fields that cannot be used; errors names each"}
_AWAY: Final = {"503": "not now: the database does not answer or is busy; Retry-After says when to try again"}


def operation_id(route: APIRoute) -> str:
    """The name of a route for generated clients: its function's, so that it stays while paths change."""
    return route.name


def describe(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Makes this application, which has these routes, describe itself wholly."""
    told = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _with_whole_examples(_with_problems(told()), routes)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way of extending it


def _with_problems(described: dict[str, Any]) -> dict[str, Any]:
    components = described["components"]
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    components["schemas"]["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    fields = components["schemas"]["Problem"].pop("$defs")
    components["schemas"] |= fields
    components["securitySchemes"] = {_KEY: {"type": "http", "scheme": "bearer"}}
    for path, methods in described["paths"].items():
        for operation in methods.values():
            _complete(path, operation)
    return described


def _with_whole_examples(described: dict[str, Any], routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """With what is null in examples of answers, too: FastAPI leaves it out."""
    for route in routes:
        model = route.response_model if isinstance(route, APIRoute) else None
        if model is None:
            continue
        whole = TypeAdapter(model).json_schema(mode="serialization")
        for name, schema in {whole.get("title", ""): whole, **whole.get("$defs", {})}.items():
            if "examples" in schema:
                described["components"]["schemas"][name]["examples"] = schema["examples"]
    return described


def _complete(path: str, operation: dict[str, Any]) -> None:
    answers, has_body = operation["responses"], "requestBody" in operation
    answers.pop("422", None)
    problems = ({} if path in _WITHOUT_KEY else _ABOUT_KEYS) | (_ABOUT_BODIES if has_body else {})
    problems |= (_FIELDS if has_body or "parameters" in operation else {}) | ({} if path in _WITHOUT_DATABASE else _AWAY)
    for status, why in problems.items():
        answers.setdefault(status, {"description": why})
    for status, answer in answers.items():
        if status >= "400":
            answer["content"] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    if "503" in answers:
        answers["503"]["headers"] = {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}}
    operation["responses"] = dict(sorted(answers.items()))
    if path not in _WITHOUT_KEY:
        operation["security"] = [{_KEY: []}]
