"""/openapi.json tells every route wholly: names, examples that fit their schemas and are taken, and the problems that it answers."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import httpx
import jsonschema
import pytest
from pydantic import TypeAdapter

from serving.app import _SUBJECTS
from serving.errors import MEDIA_TYPE
from serving.state import keys
from serving.wire.problem import Problem

JSON = "application/json"


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    """What each route answers, by the name of its function."""
    routes = [route for subject in _SUBJECTS for route in subject.router.routes]
    return {route.name: route.response_model for route in routes}


@pytest.fixture
def described(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def examples(schema: dict[str, Any], described: dict[str, Any]) -> list[Any]:
    """The examples that a schema has, or one of those that it is made of."""
    if "$ref" in schema:
        schema = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema.get("examples") or [each for part in schema.get("anyOf", []) for each in examples(part, described)]


def check(example: Any, schema: dict[str, Any], described: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator({**schema, "components": described["components"]}).validate(example)


def test_every_route_has_a_name_of_its_own_a_summary_and_a_description(described: dict[str, Any], models: dict[str, Any]) -> None:
    told = [operation for *_, operation in operations(described)]
    assert sorted(each["operationId"] for each in told) == sorted(models)
    assert all(each["summary"] and each["description"] and each["tags"] for each in told)


def test_every_example_of_an_answer_fits_its_schema_and_its_model(described: dict[str, Any], models: dict[str, Any]) -> None:
    for path, method, operation in operations(described):
        content = operation["responses"]["200"]["content"]
        schema = (content.get(JSON) or content["text/plain"])["schema"]
        found = examples(schema, described)
        assert found, (method, path)
        for example in found:
            check(example, schema, described)
            if JSON in content:
                TypeAdapter(models[operation["operationId"]]).validate_python(example)


def test_every_example_of_a_request_fits_its_schema_and_is_taken(client: httpx.Client, described: dict[str, Any]) -> None:
    for path, method, operation in operations(described):
        places = {each["name"]: each for each in operation.get("parameters", []) if each["in"] == "path"}
        for name, parameter in places.items():
            (example,) = parameter["schema"]["examples"]
            check(example, parameter["schema"], described)
            path = path.replace(f"{{{name}}}", example)
        assert "{" not in path
        schema = operation["requestBody"]["content"][JSON]["schema"] if "requestBody" in operation else None
        bodies = examples(schema, described) if schema else [None]
        assert bodies, (method, path)
        for body in bodies:
            if schema:
                check(body, schema, described)
            answer = client.request(method, path, json=body)
            unknown = answer.status_code in (404, 409, 422) and answer.json()["type"] != "urn:nextbest:problem:invalid-request"
            assert answer.status_code == 200 or unknown, (method, path, answer.text)


def test_every_problem_is_told_in_its_form(described: dict[str, Any]) -> None:
    (example,) = described["components"]["schemas"]["Problem"]["examples"]
    check(example, {"$ref": "#/components/schemas/Problem"}, described)
    for path, method, operation in operations(described):
        answers = operation["responses"]
        expected = {"503"} if path != "/healthz" else set()
        expected |= {"401", "403"} if path not in ("/healthz", "/readyz") else set()
        expected |= {"400", "413", "415"} if method in ("post", "put") else set()
        expected |= {"422"} if "requestBody" in operation or operation.get("parameters") else set()
        assert expected <= answers.keys(), (method, path)
        assert all(list(answers[each]["content"]) == [MEDIA_TYPE] for each in answers if each >= "400"), (method, path)
        assert all(answers[each]["content"][MEDIA_TYPE]["schema"]["$ref"].endswith("/Problem") for each in answers if each >= "400")
    assert {path for path, _, operation in operations(described) if "404" in operation["responses"]} == {
        "/v1/customers/{customer_id}",
        "/v1/customers/{customer_id}/churn",
        "/v1/decisions/{decision_id}",
        "/v1/products/{product_id}/similar",
        "/v1/products/{product_id}/bought-together",
    }


def test_the_problems_that_are_told_are_those_that_are_answered(serve: Callable[..., Any], described: dict[str, Any]) -> None:
    server = serve(max_body_bytes=1_000)
    with server as client:
        keys.create(server.app.state.serving.state, "app", created_at=datetime(2025, 3, 1))
    with serve(max_body_bytes=1_000) as client:
        for path, method, operation in operations(described):
            answers = operation["responses"]
            without = client.request(method, path, json={} if method != "get" else None)
            assert (without.status_code == 401) == ("401" in answers) == ("security" in operation), (method, path)
            if "413" in answers:
                large = client.request(method, path, json={"customer_id": "x" * 2_000})
                assert large.status_code == 413
                assert Problem.model_validate(large.json()).status == 413
            if "415" in answers:
                assert client.request(method, path, content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    def references(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            if isinstance(part.get("$ref"), str):
                yield part["$ref"]
            part = list(part.values())
        if isinstance(part, list):
            for each in part:
                yield from references(each)

    found = set(references(described))
    assert found
    assert {each.rpartition("/")[2] for each in found} <= described["components"]["schemas"].keys()
