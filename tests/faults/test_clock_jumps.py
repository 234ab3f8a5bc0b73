"""A server whose clock jumps back an hour and ahead a day: no request fails, no limit is broken, and no event is lost."""

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

LONG = pytest.mark.skipif("NEXTBEST_FAULTS" not in os.environ, reason="takes minutes; make test-faults runs it")
pytestmark = [pytest.mark.slow, LONG, pytest.mark.skipif(shutil.which("faketime") is None, reason="needs faketime")]
GIFT = """
margin_share: 0.3
actions:
  - {action_id: gift, name: A gift, channel: web, cost: 0.25, value: 1000, response_prior: 0.5}
"""
BUDGET = "budgets: {gift: {per: ever, contacts: 3}}"


def library() -> str:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        pytest.skip("libfaketimeMT.so.1 is not where Debian has it")
    return str(found[-1])


def decided(client: httpx.Client, who: str, name: str) -> str:
    response = client.post("/v1/decisions", json={"customer_id": who, "decision_id": name})
    assert response.status_code == 200, response.text
    return str(response.json()["actions"][0]["action_id"])


def test_a_clock_that_jumps_fails_no_request_and_breaks_no_limit(served: Any, stored: Any, tmp_path: Path) -> None:
    jump = tmp_path / "jump"
    jump.write_text("+0")
    faked = {
        "LD_PRELOAD": library(),
        "FAKETIME_TIMESTAMP_FILE": str(jump),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NEXTBEST_HOLDOUT_SHARE": "0",
        "NEXTBEST_RANDOM_SHARE": "0",
    }
    server = served(environment=faked)
    (server.home / "config" / "catalogue.yaml").write_text(GIFT, encoding="utf-8")
    (server.home / "config" / "limits.yaml").write_text(BUDGET, encoding="utf-8")
    given, events = [], []
    with server, server.client() as client:
        for step, offset in enumerate(("+0", "-3600", "+0", "+86400", "-3600")):
            jump.write_text(offset)
            now = datetime.fromisoformat(client.get("/readyz").json()["now"])
            expected = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=int(offset))
            assert abs(now - expected) < timedelta(minutes=1), "the clock did jump"
            for n in range(3):
                events.append(f"e{step}-{n}")
                row = {"event_id": events[-1], "customer_id": "c1", "event_type": "page_view"}
                assert client.post("/v1/events", json=row).json()["accepted"] == 1
                given.append(decided(client, f"c{step}-{n}", f"d{step}-{n}"))
            assert client.get("/v1/customers/c1").status_code == 200
            assert client.get("/v1/customers/c1/recommendations").status_code == 200
            assert decided(client, f"c{step}-0", f"d{step}-0") == given[3 * step], "the same again is answered as before"
        assert sorted(stored(server.database_url)["events"]) == sorted(events)
    assert given.count("gift") == 3
