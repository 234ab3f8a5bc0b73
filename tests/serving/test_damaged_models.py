"""A server that finds every one of its models damaged when it starts: it answers all the same, without a model, and says so."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from serving.champions import FALLBACKS

KINDS = ("churn", "value", "affinity", "response")


def emptied(folder: Path) -> None:
    for path in folder.iterdir():
        path.write_bytes(b"")


def cut_short(folder: Path) -> None:
    largest = max(folder.iterdir(), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-50])


def one_bit_turned(folder: Path) -> None:
    largest = max(folder.iterdir(), key=lambda path: path.stat().st_size)
    read = bytearray(largest.read_bytes())
    read[len(read) // 2] ^= 1
    largest.write_bytes(read)


def gone(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def asked(client: Any, who: str, product_id: str) -> dict[str, Any]:
    """What the server says to everything that a model would answer; each was answered."""
    answers = {
        "churn": client.get(f"/v1/customers/{who}/churn"),
        "churn:query": client.post("/v1/churn:query", json={"customer_ids": [who, "nobody"]}),
        "profile": client.get(f"/v1/customers/{who}"),
        "recommendations": client.get(f"/v1/customers/{who}/recommendations"),
        "anonymous": client.post("/v1/recommendations", json={"history": [{"product_id": product_id}]}),
        "similar": client.get(f"/v1/products/{product_id}/similar"),
        "bought-together": client.get(f"/v1/products/{product_id}/bought-together"),
        "next-best-action": client.get(f"/v1/customers/{who}/next-best-action?stage=all"),
        "decisions": client.post("/v1/decisions", json={"customer_id": who, "placements": ["home"]}),
        "readyz": client.get("/readyz"),
        "models": client.get("/v1/models"),
    }
    assert {name: answer.status_code for name, answer in answers.items() if answer.status_code != 200} == {}
    return {name: answer.json() for name, answer in answers.items()}


@pytest.mark.parametrize("damage", [emptied, cut_short, one_bit_turned, gone])
def test_a_server_starts_without_models_that_are_damaged_and_names_what_answers_instead(
    serve: Any, make_home: Any, known: Any, damage: Callable[[Path], None]
) -> None:
    champions = make_home().champions
    for kind in KINDS:
        damage((champions / kind).resolve())
    who, product_id = known.frame["customer_id"].iloc[0], known.tables.products.to_pandas()["product_id"].iloc[0]
    server = serve()
    with server as client:
        said = asked(client, who, product_id)
    assert said["models"]["models"] == []
    for kind in KINDS:
        assert f"Answers come from {FALLBACKS[kind]}." in said["models"]["refused"][kind]
        assert any(said["models"]["refused"][kind] == warning for warning in said["readyz"]["warnings"])
    assert said["readyz"]["ready"] is True
    assert (said["recommendations"]["fallback"], said["recommendations"]["fallback_reason"]) == (True, "no_model")
    assert said["recommendations"]["recommendations"], "there is a list all the same"
    told = [json.loads(line) for line in server.stream.getvalue().splitlines()]
    assert {line["kind"] for line in told if line["event"] == "model_refused"} == set(KINDS)
    assert not [line for line in told if line["event"] == "defect"]
