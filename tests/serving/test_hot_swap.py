"""Models are promoted and rules edited under a server that is asked all the time: no request fails, none is of two sets, nothing broken gets in."""

import json
import shutil
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
from fastapi import FastAPI, Request

from features.home import Home
from serving.dependencies import serving_of
from training import artifacts, golden
from training.churn import ChurnModel, ChurnRecipe
from training.churn_members import LOGISTIC
from training.export import link_version

SOON_SECONDS = 20.0
"""A look is taken every second; a busy machine takes longer."""


def test_a_request_is_of_one_set_though_another_comes_in_between() -> None:
    app = FastAPI()
    app.state.serving = first = object()
    request = Request({"type": "http", "app": app})
    assert serving_of(request) is first
    app.state.serving = object()
    assert serving_of(request) is first
    assert serving_of(Request({"type": "http", "app": app})) is app.state.serving


class Steady:
    """Asks all the time, in a thread, until the end of the block; keeps the churn answers and whatever failed."""

    def __init__(self, server: Any, customer_id: str) -> None:
        self.churn: list[tuple[str, float]] = []
        self.failed: list[str] = []
        self._server, self._customer_id = server, customer_id
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        number = 0
        with httpx.Client(base_url=self._server.url, timeout=30) as client:
            while not self._over.is_set():
                number += 1
                for method, path, body in self._requests(number):
                    try:
                        answer = client.request(method, path, json=body)
                    except httpx.HTTPError as error:
                        self.failed.append(f"{path}: {error!r}")
                        continue
                    if answer.status_code >= 300:
                        self.failed.append(f"{path}: {answer.status_code} {answer.text}")
                    elif path.endswith("/churn"):
                        said = answer.json()
                        self.churn.append((said["model_version"], said["churn_probability"]))

    def _requests(self, number: int) -> list[tuple[str, str, Any]]:
        who = self._customer_id
        event = {"event_id": f"e{number}", "customer_id": "somebody else", "event_type": "add_to_cart", "product_id": "p"}
        return [
            ("GET", f"/v1/customers/{who}/churn", None),
            ("GET", f"/v1/customers/{who}/recommendations", None),
            ("POST", "/v1/decisions", {"customer_id": who}),
            ("POST", "/v1/events", {**event, "occurred_at": "2025-02-28T12:00:00"}),
        ]


def until(holds: Callable[[], Any]) -> Any:
    """What holds soon."""
    deadline = time.monotonic() + SOON_SECONDS
    while not (found := holds()):
        assert time.monotonic() < deadline, "it did not come to hold"
        time.sleep(0.05)
    return found


@pytest.fixture
def versions(known: Any, tmp_path: Path) -> Callable[[str], Path]:
    """The folder of a churn model of this version: 1 is the shop's, 2 answers otherwise; both with golden predictions. To be changed at will."""

    def folder_of(version: str) -> Path:
        folder = Path(shutil.copytree((known.models / "churn").resolve(), tmp_path / f"churn-{version}"))
        model = ChurnModel.load(folder, threads=1)
        if version != "1":
            model.recipe = ChurnRecipe({LOGISTIC: 1.0})
            for path in folder.iterdir():
                path.unlink()
            model.save(folder)
        golden.write(folder, "churn", model)
        artifacts.stamp(folder, version)
        return folder

    return folder_of


def flipped(folder: Path) -> None:
    path = folder / "logistic.json"
    path.write_bytes(path.read_bytes().replace(b"1", b"2", 1))


def truncated(folder: Path) -> None:
    path = folder / "model.json"
    path.write_bytes(path.read_bytes()[:-100])


def wrong_golden(folder: Path) -> None:
    kept = json.loads((folder / golden.GOLDEN).read_text())
    kept["answers"]["probability"][1] *= 1.000001
    (folder / golden.GOLDEN).write_text(json.dumps(kept))
    artifacts.save_manifest(folder)


BROKEN = ((flipped, "not what was trained"), (truncated, "not what was trained"), (wrong_golden, "does not say what it said"))


def test_promotions_a_broken_one_and_a_rollback_under_load(
    make_home: Callable[..., Home], serve: Any, versions: Callable[[str], Path], known: Any
) -> None:
    home, first, second = make_home(), versions("1"), versions("2")
    link_version(first, home.champions, "churn", "1")
    server = serve()
    with server as client, Steady(server, known.frame["customer_id"].iloc[0]) as steady:

        def models() -> Any:
            return client.get("/v1/models").json()

        def version() -> str:
            return next(str(model["version"]) for model in models()["models"] if model["kind"] == "churn")

        until(lambda: len(steady.churn) > 3)
        link_version(second, home.champions, "churn", "2")
        until(lambda: version() == "2")
        for number, (break_it, why) in enumerate(BROKEN, start=3):
            broken = versions(str(number))
            break_it(broken)
            link_version(broken, home.champions, "churn", str(number))
            until(partial(has_counted, client, "refused", number - 2))
            assert why in (said := models()["refused"]["churn"])
            assert "Version 2 stays in use." in said
            assert said in client.get("/readyz").json()["warnings"]
            assert version() == "2"
        assert client.get("/readyz").json()["ready"]
        link_version(first, home.champions, "churn", "1")
        until(lambda: version() == "1")
        assert models()["refused"] == {}
        seen = len(steady.churn)
        until(lambda: len(steady.churn) > seen + 3)
    assert steady.failed == []
    assert [said for n, (said, _) in enumerate(steady.churn) if n == 0 or said != steady.churn[n - 1][0]] == ["1", "2", "1"]
    assert len(set(steady.churn)) == 2, "an answer has one version's name and the other's number"
    assert server.stream.getvalue().count("model_refused") == len(BROKEN)
    assert counted_in(server.stream, "renewed") == 2 + len(BROKEN)


def counted(client: httpx.Client, what: str, name: str = "churn") -> float:
    line = f'nextbest_{what}_total{{what="{name}"}} '
    return sum(float(text.removeprefix(line)) for text in client.get("/metrics").text.splitlines() if text.startswith(line))


def has_counted(client: httpx.Client, what: str, count: int) -> bool:
    return counted(client, what) == count


def counted_in(stream: Any, event: str) -> int:
    return sum(json.loads(line)["event"] == event for line in stream.getvalue().splitlines())


def test_a_model_that_is_put_right_where_it_lies_is_taken(
    make_home: Callable[..., Home], serve: Any, versions: Callable[[str], Path]
) -> None:
    home = make_home()
    link_version(versions("1"), home.champions, "churn", "1")
    with serve() as client:
        data = home.champions / "churn" / "logistic.json"
        kept = data.read_bytes()
        flipped(home.champions / "churn")
        until(lambda: client.get("/v1/models").json()["refused"])
        data.write_bytes(kept)
        until(lambda: not client.get("/v1/models").json()["refused"])


def test_the_first_training_is_taken_by_a_server_that_started_without_a_model(
    make_home: Callable[..., Home], serve: Any, versions: Callable[[str], Path]
) -> None:
    home = make_home(champions=False)
    with serve(champions=False) as client:
        assert client.get("/v1/models").json()["models"] == []
        broken = versions("3")
        truncated(broken)
        link_version(broken, home.champions, "churn", "3")
        until(lambda: counted(client, "refused") == 1)
        assert "Answers come from the published score" in client.get("/v1/models").json()["missing"]["churn"]
        link_version(versions("1"), home.champions, "churn", "1")
        until(lambda: counted(client, "taken") == 1)
        said = client.get("/v1/models").json()
        assert [(model["kind"], model["version"], model["is_proven"]) for model in said["models"]] == [("churn", "1", True)]
        assert "churn" not in said["missing"]
        assert said["refused"] == {}


def test_an_edited_catalogue_is_taken_and_a_broken_one_is_not(make_home: Callable[..., Home], serve: Any, known: Any) -> None:
    home = make_home()
    who = {"customer_id": known.frame["customer_id"].iloc[0]}
    server = serve()
    with server as client, Steady(server, who["customer_id"]) as steady:
        path = home.config / "catalogue.yaml"
        text = path.read_text(encoding="utf-8")

        def policy() -> str:
            return str(client.post("/v1/decisions", json=who).json()["policy_version"])

        def warnings() -> str:
            return " ".join(client.get("/readyz").json()["warnings"])

        before = policy()
        path.write_text(text + "\nactions: {", encoding="utf-8")
        until(lambda: "The rules before the edit stay in use" in warnings())
        assert policy() == before
        path.write_bytes(b"\xff\xfe\x00")
        until(lambda: counted(client, "refused", "catalogue") == 2)
        path.unlink()
        until(lambda: "catalogue.yaml is gone" in warnings())
        assert policy() == before
        path.write_text(text.replace("cost: 0.", "cost: 1."), encoding="utf-8")
        until(lambda: "The rules before" not in warnings())
        edited = policy()
        path.write_text(text, encoding="utf-8")
        until(lambda: policy() == before)
    assert edited != before
    assert steady.failed == []
    assert counted_in(server.stream, "config_refused") == 3


def test_an_edit_changes_answers_that_were_kept(make_home: Callable[..., Home], serve: Any, known: Any) -> None:
    home, who = make_home(), known.frame["customer_id"].iloc[0]
    with serve() as client:

        def shown() -> list[str]:
            found = client.get(f"/v1/customers/{who}/recommendations").json()["recommendations"]
            return [each["product_id"] for each in found]

        first = shown()[0]
        assert shown()[0] == first
        (home.config / "recommendations.yaml").write_text(f"block:\n- {{products: [{json.dumps(first)}]}}\n", encoding="utf-8")
        until(lambda: counted(client, "taken", "recommendations") == 1)
        assert first not in shown()
        (home.config / "bands.yaml").write_text("bands:\n- {band: all alike}\n", encoding="utf-8")
        until(lambda: client.get(f"/v1/customers/{who}/churn").json()["band"] == "all alike")
