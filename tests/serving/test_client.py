"""Both clients against a real server: every route, its typed answer, and what goes wrong."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from features.errors import InputError
from serving.client import AsyncClient, Client, Limits, ProblemAnswerError, Refused, Retrying, UnreadableAnswerError
from serving.client.call import get
from serving.client.methods import Answered, Paged, Routes
from serving.wire.operation import Models

SECRET = "nbk_very-secret"


class Asking:
    """One of the two clients, asked the same way: an answer is waited for, pages are listed."""

    def __init__(self, kind: type[Client] | type[AsyncClient], url: str, **given: Any) -> None:
        self.kind, self.url, self.given = kind, url, given
        self._loop = asyncio.Runner()
        self.client = kind(url, **given)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def ask(*args: object, **kwargs: object) -> Any:
            asked = getattr(self.client, name)(*args, **kwargs)
            if isinstance(self.client, Client):
                return list(asked) if isinstance(getattr(Client, name), Paged) else asked
            return self._loop.run(_listed(asked) if isinstance(getattr(AsyncClient, name), Paged) else asked)

        return ask

    def send_all(self, rows: list[tuple[str, dict[str, Any]]], limits: Limits) -> list[Refused]:
        """Gives these rows to a sender, one by one; what was refused."""
        refused: list[Refused] = []
        if isinstance(self.client, Client):
            with self.client.sender(refused.append, limits) as sender:
                for kind, row in rows:
                    getattr(sender, kind)(row)
        else:
            self._loop.run(self._send_all(rows, limits, refused))
        return refused

    async def _send_all(self, rows: list[tuple[str, dict[str, Any]]], limits: Limits, refused: list[Refused]) -> None:
        assert isinstance(self.client, AsyncClient)
        async with self.client.sender(refused.append, limits) as sender:
            for kind, row in rows:
                await getattr(sender, kind)(row)

    def end(self) -> None:
        if isinstance(self.client, Client):
            self.client.close()
        else:
            self._loop.run(self.client.close())
        self._loop.close()


async def _listed(pages: Any) -> list[Any]:
    return [page async for page in pages]


@pytest.fixture(params=[Client, AsyncClient])
def asking(request: pytest.FixtureRequest, serve: Callable[..., Any]) -> Iterator[Asking]:
    """Each client, of a server over the simulated shop."""
    with serve() as http:
        found = Asking(request.param, str(http.base_url))
        yield found
        found.end()


@pytest.fixture
def somebody(known: Any) -> str:
    return str(known.tables.orders.to_pandas().customer_id.mode()[0])


def test_there_is_a_method_for_every_route(serve: Callable[..., Any]) -> None:
    with serve() as http:
        described = http.get("/openapi.json").json()["paths"]
    real = {(method.upper(), re.sub(r"\{[^}]*\}", "x", path)) for path, methods in described.items() for method in methods}
    rows: list[dict[str, Any]] = [{"order_id": "o"}]
    arguments: dict[str, tuple[Any, ...]] = dict.fromkeys(("events", "orders", "outcomes", "decide_batch"), (rows,))
    arguments |= dict.fromkeys(("recommend", "churn_list", "churn_changes", "decide", "models", "health", "ready", "metrics"), ())
    arguments |= {"put_customer": ("x", {}), "put_consent": ("x", {}), "churn_query": (["x"],)}
    methods = {name: each for name, each in vars(Routes).items() if isinstance(each, Answered | Paged)}
    calls = [each.describe(*arguments.get(name, ("x",))) for name, each in methods.items()]
    assert {(call.method, call.path) for call in calls} == real


def test_an_app_gets_products(asking: Asking, somebody: str) -> None:
    listed = asking.recommendations(somebody, limit=3, in_stock=False, exclude=["p-0", "p-1"], explain=True)
    assert len(listed.recommendations) == 3
    assert listed.removed is not None
    assert not {each.product_id for each in listed.recommendations} & {"p-0", "p-1"}
    first = listed.recommendations[0].product_id
    history = [{"product_id": first, "event_type": "add_to_cart", "at": datetime(2025, 2, 28)}]
    assert len(asking.recommend(history=history, context={"placement": "cart"}, limit=2).recommendations) == 2
    for related in (asking.similar(first, limit=4), asking.bought_together(first, limit=4)):
        assert len(related.products) == 4
        assert first not in {each.product_id for each in related.products}


def test_a_crm_gets_risks_changes_and_audiences(asking: Asking, somebody: str) -> None:
    churn = asking.churn(somebody, locale="vi")
    assert churn.churn_probability is not None
    answers = asking.churn_query([somebody, "nobody"])
    assert [each.customer_id for each in answers.customers] == [somebody]
    assert answers.unknown == ["nobody"]
    changes = asking.churn_changes(since=datetime(2025, 1, 1))
    assert (changes.changes, changes.more) == ([], False)
    assert asking.churn_changes(cursor=changes.next_cursor).changes == []
    pages = asking.audience("winback_offer", limit=50)
    assert sum(page.scanned for page in pages) >= 250
    assert pages[-1].next_cursor is None
    assert len({page.as_of for page in pages}) == 1


def test_a_decision_is_asked_posted_about_and_looked_up(asking: Asking, somebody: str) -> None:
    assert asking.next_best_action(somebody, k=2).decision_id is None
    assert set(asking.next_best_action_of_each_stage(somebody).stages) >= {"awareness", "retention"}
    made = asking.decide(customer_id=somebody, context={"winback_offer": 1.5})
    assert asking.decide(customer_id=somebody, context={"winback_offer": 1.5}, decision_id=made.decision_id) == made
    assert asking.decide(customer_id=somebody, dry_run=True).decision_id is None
    several = asking.decide_batch([{"customer_id": somebody, "decision_id": "mine/1"}, {"visitor_id": "v-1"}]).decisions
    assert several[0].decision_id == "mine/1"
    assert several[1].decision_id
    assert asking.outcomes([{"decision_id": "mine/1", "outcome_type": "accepted"}]).accepted == 1
    record = asking.decision("mine/1")
    assert record.replay.same is True
    assert [each.outcome_type for each in record.outcomes] == ["accepted"]


def test_rows_and_profiles_are_stored(asking: Asking) -> None:
    order = {"order_id": "o-1", "customer_id": "c new", "lines": [{"product_id": "p-1", "quantity": 1, "unit_price": 2.5}]}
    assert asking.orders([order]).accepted == 1
    assert asking.orders([order]).duplicate == 1
    events = [{"event_type": "product_view", "customer_id": "c new"}, {"event_type": "product_view", "customer_id": "c new"}]
    assert asking.events(events).accepted == 2
    assert asking.put_customer("c new", {"city": "Huế", "joined_at": datetime(2024, 5, 1)}).profile["city"] == "Huế"
    assert asking.put_consent("c new", {"email": False}).consent["email"] is False
    assert len(asking.customer("c new").touchpoints) == 3


def test_an_operator_sees_what_is_served(asking: Asking) -> None:
    assert asking.health().status == "ok"
    assert asking.ready().customers >= 250
    assert {each.kind for each in asking.models().models} >= {"churn", "affinity"}
    assert "nextbest_requests_total" in asking.metrics()


def test_a_problem_is_raised_with_its_fields_and_its_message_names_nobody(asking: Asking) -> None:
    with pytest.raises(ProblemAnswerError) as unknown:
        asking.churn("secret-person")
    assert (unknown.value.status, unknown.value.kind, unknown.value.attempts) == (404, "unknown-customer", 1)
    assert "secret-person" in unknown.value.detail
    assert "POST /v1/orders" in unknown.value.remedy
    with pytest.raises(ProblemAnswerError) as wrong:
        asking.decide(customer_id="secret-person", k=0)
    assert wrong.value.errors[0]["field"].endswith("k")
    for error in (unknown.value, wrong.value):
        assert "secret-person" not in f"{error!r} {error}"
        assert error.__context__ is None


def test_an_answer_of_another_version_is_an_error_that_quotes_nothing(asking: Asking) -> None:
    with pytest.raises(UnreadableAnswerError) as unreadable:
        asking.send(get("/readyz", Models))
    assert "models" in unreadable.value.fields
    assert unreadable.value.__context__ is None


@pytest.mark.parametrize("given", ["", ".", "..", "a/b", "../churn"])
def test_an_id_that_no_path_can_hold_is_not_asked(asking: Asking, given: str) -> None:
    with pytest.raises(InputError):
        asking.customer(given)


def test_what_cannot_be_posted_is_said_before_it_is_sent(asking: Asking) -> None:
    for rows in ([{"customer_id": "c"}], {"order_id": "o"}, ["o"], [{"order_id": "o", "lines": object()}]):
        with pytest.raises(InputError):
            asking.orders(rows)


def test_a_sender_posts_all_rows_and_tells_the_refused_ones(asking: Asking) -> None:
    wrong = {"event_type": "product_vew", "customer_id": "c-sent"}
    rows: list[tuple[str, dict[str, Any]]] = [("event", {"event_type": "product_view", "customer_id": "c-sent"}) for _ in range(23)]
    rows.insert(11, ("event", wrong))
    rows += [("order", {"order_id": f"s-{n}", "customer_id": "c-sent", "lines": [{"product_id": "p-1"}]}) for n in range(5)]
    rows.append(("outcome", {"decision_id": "unknown", "outcome_type": "accepted"}))
    refused = asking.send_all(rows, Limits(rows=7))
    assert [each.kind for each in refused] == ["events", "outcomes"]
    assert b"product_vew" in refused[0].row
    assert "product_view" in refused[0].reason
    assert "c-sent" not in repr(refused)
    assert asking.customer("c-sent").order_count == 5
    assert len(asking.customer("c-sent").touchpoints) == 20  # the newest of 28
    assert asking.send_all(rows[:11], Limits()) == []


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_batch_that_is_too_large_is_sent_in_parts(serve: Callable[..., Any], kind: Any) -> None:
    with serve(max_body_bytes=1_000) as http:
        asking = Asking(kind, str(http.base_url))
        rows: list[tuple[str, dict[str, Any]]] = [("event", {"event_type": "product_view", "customer_id": "c-1"}) for _ in range(20)]
        rows.insert(5, ("event", {"event_type": "product_view", "customer_id": "c-1", "note": "x" * 2_000}))
        refused = asking.send_all(rows, Limits())
        assert [each.row.count(b"x" * 2_000) for each in refused] == [1]
        assert len(asking.customer("c-1").touchpoints) == 20
        asking.end()


def test_a_key_is_sent_and_never_shown(serve: Callable[..., Any], nextbest: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with serve():
        key = nextbest("key", "create", "--role", "app").out.strip()
    with serve() as http:
        url = str(http.base_url)
        with Client(url, key) as client:
            assert client.models().models
            with pytest.raises(ProblemAnswerError) as low:
                client.churn("c")
        assert (low.value.status, low.value.kind) == (403, "role-too-low")
        with Client(url, SECRET) as client, pytest.raises(ProblemAnswerError) as refused:
            client.models()
        assert (refused.value.status, refused.value.kind) == (401, "no-valid-key")
        assert SECRET not in f"{refused.value!r} {client!r} {vars(client)!r}"
        monkeypatch.setenv("NEXTBEST_KEY", key)
        with Client(url) as client:
            assert client.models().models
        with Client(url, "") as client, pytest.raises(ProblemAnswerError):
            client.models()


@pytest.mark.parametrize(
    ("url", "key"), [("localhost:8000", ""), ("ftp://x", ""), ("", ""), ("http://x", f"{SECRET}\nX: y"), ("http://x", f"{SECRET}é")]
)
def test_an_address_or_a_key_that_cannot_be_used_is_said_without_showing_it(url: str, key: str) -> None:
    with pytest.raises(InputError) as unusable:
        Client(url, key)
    assert SECRET not in str(unusable.value)


def test_a_password_in_the_address_is_not_shown() -> None:
    with Client(f"https://somebody:{SECRET}@shop.example/api/") as client:
        assert repr(client) == "Client('https://shop.example/api')"


def test_importing_the_client_loads_no_server() -> None:
    program = "import sys, serving.client; print(*sys.modules)"
    loaded = set(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split())
    assert not {"fastapi", "sqlalchemy", "numpy", "pandas", "uvicorn", "lightgbm", "serving.app"} & loaded


def test_both_clients_have_what_the_guide_names() -> None:
    told = (Path(__file__).parents[2] / "docs" / "client.md").read_text()
    methods = {name for name, each in vars(Routes).items() if isinstance(each, Answered | Paged)}
    assert {name for name in methods if f"`{name}`" not in told} == set()
    assert Retrying().attempts > 1
