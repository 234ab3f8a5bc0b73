"""GET /v1/audiences/{action_id}: who would get an action, and that the command, this route and POST /v1/decisions say the same."""

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from serving.cursors import cursor

Serve = Callable[..., AbstractContextManager[httpx.Client]]
ACTION, CHANNEL = "personal_recommendations", "email"


def pages(client: httpx.Client, **given: Any) -> Iterator[dict[str, Any]]:
    asked = {"channel": CHANNEL, **given}
    while True:
        page = client.get(f"/v1/audiences/{ACTION}", params=asked)
        assert page.status_code == 200, page.text
        yield page.json()
        if page.json()["next_cursor"] is None:
            return
        asked["cursor"] = page.json()["next_cursor"]


def drawn(members: list[dict[str, Any]]) -> dict[str, tuple[str, float, str]]:
    return {each["customer_id"]: (each["decision_id"], each["action_probability"], each["body"]) for each in members}


@pytest.mark.parametrize("empty_database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.long)], indirect=True)
def test_command_preview_and_single_decisions_agree(
    serve: Serve, nextbest: Callable[..., Any], empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: Any
) -> None:
    monkeypatch.setenv("NEXTBEST_DATABASE_URL", empty_database)
    monkeypatch.setenv("NEXTBEST_HOLDOUT_SHARE", "0.1")
    with serve(empty_database, holdout_share=0.1) as client:
        asked = ("audience", "--action", ACTION, "--channel", CHANNEL, "--as-of", "2025-03-01")
        ended = nextbest(*asked, "--dry-run", "--output", tmp_path / "tried.ndjson")
        assert ended.code == 0, ended.err
        tried = [orjson.loads(line) for line in (tmp_path / "tried.ndjson").read_bytes().splitlines()]
        assert 5 < len(tried) < 240

        shown = list(pages(client, limit=7))
        assert [each for page in shown for each in page["members"]] == tried
        assert max(len(page["members"]) for page in shown) == 7
        assert sum(page["scanned"] for page in shown) == 250
        assert sum(each["customers"] for page in shown for each in page["outside"]) == 250 - len(tried)

        alone = {}
        for customer_id in sorted(known.frame.customer_id):
            decision_id = f"audience-2025-03-01T00:00-{customer_id}"
            one = {"customer_id": customer_id, "decision_id": decision_id, "channel": CHANNEL, "deferred": True}
            first = client.post("/v1/decisions", json=one).json()["actions"][0]
            if first["action_id"] == ACTION:
                alone[customer_id] = (decision_id, first["action_probability"], first["message"]["body"])
        assert alone == {who: each for who, each in drawn(tried).items() if who in set(known.frame.customer_id)}
        assert len(alone) > 5

        ended = nextbest(*asked, "--output", tmp_path / "sent.ndjson", "--json")
        assert (tmp_path / "sent.ndjson").read_bytes() == (tmp_path / "tried.ndjson").read_bytes(), (
            "what was recorded is given as it stands"
        )
        assert orjson.loads(ended.out)["already"] == len(alone)
        assert [each for page in pages(client, limit=200) for each in page["members"]] == tried


def test_what_the_command_recorded_is_what_a_single_decision_of_that_id_answers(
    serve: Serve, nextbest: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXTBEST_HOLDOUT_SHARE", "0")
    with serve() as client:
        assert nextbest("audience", "--action", ACTION, "--channel", CHANNEL, "--output", tmp_path / "a.ndjson").code == 0
        for line in (tmp_path / "a.ndjson").read_bytes().splitlines()[:5]:
            row = orjson.loads(line)
            one = {"customer_id": row["customer_id"], "decision_id": row["decision_id"], "channel": CHANNEL, "deferred": True}
            (first,) = client.post("/v1/decisions", json=one).json()["actions"]
            assert (first["action_id"], first["action_probability"]) == (ACTION, row["action_probability"])
            assert client.get(f"/v1/decisions/{row['decision_id']}").json()["replay"]["same"] is True
            assert client.post("/v1/decisions", json={**one, "k": 2}).status_code == 409


def test_a_preview_records_nothing_and_sees_what_was_posted_a_moment_ago(client_on_each: httpx.Client) -> None:
    client = client_on_each
    before = [each for page in pages(client, limit=50) for each in page["members"]]
    refused = before[0]["customer_id"]
    assert client.get(f"/v1/decisions/{before[0]['decision_id']}").status_code == 404
    client.put(f"/v1/customers/{refused}/consent", json={"email": False}).raise_for_status()
    found = list(pages(client, limit=50))
    assert [each for page in found for each in page["members"]] == before[1:]
    assert sum(each["customers"] for page in found for each in page["outside"] if each["code"] == "no_consent") >= 1


def test_other_formats_have_the_same_rows_and_say_where_to_go_on(client: httpx.Client) -> None:
    path = f"/v1/audiences/{ACTION}"
    page = client.get(path, params={"limit": 3}).json()
    told = client.get(path, params={"limit": 3}, headers={"Accept": "application/x-ndjson"})
    assert [orjson.loads(line) for line in told.content.splitlines()] == page["members"]
    assert told.headers["Next-Cursor"] == page["next_cursor"]
    assert told.headers["Scanned"] == str(page["scanned"])
    sheet = list(csv.DictReader(io.StringIO(client.get(path, params={"limit": 3, "format": "csv"}).text)))
    assert [(each["customer_id"], float(each["action_probability"])) for each in sheet] == [
        (each["customer_id"], each["action_probability"]) for each in page["members"]
    ]


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("personal_recomendations", 400, "'personal_recommendations'"),
        ("no_action", 400, "contacts nobody"),
        (f"{ACTION}?channel=phone", 400, "It goes by"),
        (f"{ACTION}?cursor=abc", 400, "damaged"),
        (f"{ACTION}?limit=0", 422, "limit"),
        (f"{ACTION}?chanel=email", 422, "chanel"),
    ],
)
def test_what_cannot_be_asked_is_refused(client: httpx.Client, path: str, status: int, said: str) -> None:
    answer = client.get(f"/v1/audiences/{path}")
    assert answer.status_code == status, answer.text
    assert said in answer.text


def test_a_cursor_belongs_to_its_audience(client: httpx.Client) -> None:
    page = client.get(f"/v1/audiences/{ACTION}", params={"limit": 1, "channel": "email"}).json()
    assert client.get(f"/v1/audiences/{ACTION}", params={"cursor": page["next_cursor"]}).status_code == 400
    assert client.get("/v1/audiences/welcome_discount", params={"cursor": page["next_cursor"], "channel": "email"}).status_code == 400


@pytest.mark.parametrize(
    "at", ["2025-03-01T00:00:00Z", "0001-01-01T00:00:00", "1969-12-31T23:59:59", "2200-01-01T00:00:00", "9999-12-31T23:59:59"]
)
def test_a_cursor_has_a_time_of_ours(client: httpx.Client, at: str) -> None:
    held = {"action_id": ACTION, "channel": None, "at": "2025-03-01T00:00:00"}
    asked = [client.get(f"/v1/audiences/{ACTION}", params={"cursor": cursor("audience", {**held, **made})}) for made in ({}, {"at": at})]
    assert [answer.status_code for answer in asked] == [200, 400], asked[1].text
    assert "damaged" in asked[1].text


def test_it_takes_a_key_of_the_crm(serve: Serve, make_home: Callable[..., Any], nextbest: Callable[..., Any]) -> None:
    make_home()
    keys = {role: nextbest("key", "create", "--role", role).out.strip() for role in ("app", "crm")}
    with serve() as client:
        asked = {role: client.get(f"/v1/audiences/{ACTION}", headers={"Authorization": f"Bearer {key}"}) for role, key in keys.items()}
    assert {role: answer.status_code for role, answer in asked.items()} == {"app": 403, "crm": 200}
