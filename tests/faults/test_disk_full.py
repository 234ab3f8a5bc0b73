"""A state database on a full disk: nothing is acknowledged that is not there, what is there is read, and room is noticed."""

import os
from pathlib import Path
from typing import Any

import httpx
import pytest

LONG = pytest.mark.skipif("NEXTBEST_FAULTS" not in os.environ, reason="takes minutes; make test-faults runs it")
pytestmark = [pytest.mark.slow, LONG]


def post(client: httpx.Client, ids: list[str]) -> httpx.Response:
    rows = [{"event_id": each, "customer_id": "c1", "event_type": "page_view", "properties": {"x": "y" * 500}} for each in ids]
    return client.post("/v1/events", json=rows)


def test_a_full_disk_acknowledges_nothing_that_is_not_there_and_room_is_noticed(served: Any, stored: Any, small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    with served(home=small_disk / "home") as server, server.client() as client:
        assert post(client, ["first"]).status_code == 200
        room = os.statvfs(small_disk)
        ballast.write_bytes(b"x" * max(0, room.f_bavail * room.f_bsize - 1_000_000))
        sent = [[f"e{number}-{n}" for n in range(100)] for number in range(60)]
        answers = [post(client, ids) for ids in sent]
        full = [n for n, answer in enumerate(answers) if answer.status_code != 200]
        assert full
        for n in full:
            assert (answers[n].status_code, answers[n].json()["type"]) == (503, "urn:nextbest:problem:disk-full"), answers[n].text
            assert int(answers[n].headers["retry-after"]) >= 1
        assert client.get("/v1/customers/c1").status_code == 200
        assert client.get("/readyz").status_code == 200
        server.kill()
        ballast.unlink()
        server.start()
        there = stored(server.database_url)["events"]
        assert len(set(there)) == len(there)
        acknowledged = {each for n, ids in enumerate(sent) if n not in full for each in ids} | {"first"}
        assert set(there) == acknowledged, "stored if and only if that was said"
        for n in full:
            assert post(client, sent[n]).json()["accepted"] == 100


def test_room_is_noticed_without_a_restart(served: Any, small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    with served(home=small_disk / "home") as server, server.client() as client:
        assert post(client, ["first"]).status_code == 200
        room = os.statvfs(small_disk)
        ballast.write_bytes(b"x" * (room.f_bavail * room.f_bsize))
        ids = [f"e{n}" for n in range(1_000)]
        while post(client, ids).status_code == 200:
            ids = [f"{each}-" for each in ids]
        ballast.unlink()
        assert post(client, ids).json()["accepted"] == len(ids)
