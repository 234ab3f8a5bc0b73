"""Budgets over HTTP: however many ask at once, and of however many servers, exactly what there is is given."""

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

Rules = Callable[..., AbstractContextManager[httpx.Client]]
Answer = dict[str, Any]

LONG = pytest.mark.skipif("NEXTBEST_LONG" not in os.environ, reason="takes minutes; make test-long runs it")
NOON = datetime(2025, 3, 1, 12)
GIFT = """
margin_share: 0.3
actions:
  - {action_id: gift, name: A gift, channel: web, cost: 0.25, value: 1000, response_prior: 0.5}
"""
THREADS = 8


def limits(**budget: Any) -> str:
    told = ", ".join(f"{name}: {value}" for name, value in budget.items())
    return f"budgets: {{gift: {{{told}}}}}"


def asked_at_once(clients: Sequence[httpx.Client], count: int) -> list[Answer]:
    """The answers to so many requests about as many customers, by threads that ask these servers in turn."""
    urls = [client.base_url for client in clients]
    for client in clients:  # two applications of one process cannot make their routes ready at the same time
        assert client.post("/v1/decisions", json={"customer_id": "first", "dry_run": True}).status_code == 200
    waiting, answers, failed = list(range(count)), list[Answer](), list[BaseException]()
    go = threading.Barrier(THREADS)

    def work(me: int) -> None:
        try:
            with httpx.Client(base_url=urls[me % len(urls)], timeout=120) as own:
                go.wait()
                while waiting:
                    try:
                        n = waiting.pop()
                    except IndexError:
                        return
                    response = own.post("/v1/decisions", json={"customer_id": f"c{n}", "decision_id": f"d{n}"})
                    assert response.status_code == 200, response.text
                    answers.append(response.json())
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(me,)) for me in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    return answers


def told(answers: Iterable[Answer]) -> Counter[str]:
    """How often which action was given; `no_action` with the reason: "budget", or "explored" where the gift was allowed and something else drawn."""
    found = Counter[str]()
    for answer in answers:
        (action,) = answer["actions"]
        codes = [reason["code"] for each in answer["suppressed"] for reason in each["reasons"]]
        assert codes in ([], ["budget"])
        assert (codes == ["budget"]) <= (action["action_id"] == "no_action")
        found[action["action_id"] if action["action_id"] == "gift" else (codes or ["explored"])[0]] += 1
    return found


def is_used_up(answers: list[Answer], given: int) -> None:
    """Exactly so many were given, and who came later was told why not."""
    found = told(answers)
    assert found["gift"] == given
    assert found["explored"] <= len(answers) // 50
    assert found["budget"] == len(answers) - given - found["explored"]


@pytest.mark.parametrize(("count", "budget"), [(150, 30), pytest.param(1_000, 100, marks=LONG)])
def test_of_many_at_once_exactly_as_many_get_it_as_the_budget_has(serve_rules: Rules, empty_database: str, count: int, budget: int) -> None:
    with serve_rules(GIFT, limits(per="day", contacts=budget), empty_database, as_of=NOON) as client:
        is_used_up(asked_at_once([client], count), budget)
        late = client.get("/v1/customers/late/next-best-action").json()
    assert [each["sentence"] for each in late["suppressed"][0]["reasons"]] == ["Its budget is used up."]
    assert [each["sentence_vi"] for each in late["suppressed"][0]["reasons"]] == ["Ngân sách đã hết."]


def test_two_servers_on_one_database_share_its_budgets(serve_rules: Rules, empty_postgresql: str) -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(serve_rules(GIFT, limits(per="day", contacts=30), empty_postgresql, as_of=NOON)) for _ in range(2)]
        is_used_up(asked_at_once(servers, 120), 30)


def test_money_is_given_to_the_last_contact_that_it_pays(serve_rules: Rules, empty_database: str) -> None:
    with serve_rules(GIFT, limits(per="month", money=5.1), empty_database, as_of=NOON) as client:
        is_used_up(asked_at_once([client], 60), 20)


def test_a_new_period_has_the_whole_budget_again(serve_rules: Rules) -> None:
    for days, left in ((0, 3), (1, 3), (1, 0), (2, 3)):
        with serve_rules(GIFT, limits(per="day", contacts=3), as_of=NOON + timedelta(days=days)) as client:
            batch = [{"customer_id": f"c{days}-{left}-{n}"} for n in range(6)]
            assert told(client.post("/v1/decisions:batch", json={"decisions": batch}).json()["decisions"])["gift"] == left


def test_a_restart_and_a_raised_budget_go_on_from_what_is_taken(serve_rules: Rules) -> None:
    for most, given in ((2, 2), (5, 3), (1, 0)):
        with serve_rules(GIFT, limits(per="ever", contacts=most), as_of=NOON) as client:
            is_used_up([client.post("/v1/decisions", json={"customer_id": f"c{most}-{n}"}).json() for n in range(6)], given)


def test_in_a_batch_who_is_named_first_gets_it_and_dry_runs_take_nothing(serve_rules: Rules, empty_database: str) -> None:
    named = [{"customer_id": f"c{n}", "decision_id": f"d{n}"} for n in (9, 3, 7, 1, 8)]
    with serve_rules(GIFT, limits(per="day", contacts=3), empty_database, as_of=NOON) as client:
        dry = client.post("/v1/decisions:batch", json={"decisions": [{**each, "dry_run": True} for each in named]}).json()["decisions"]
        assert [each["actions"][0]["action_id"] for each in dry] == ["gift"] * 5
        made = client.post("/v1/decisions:batch", json={"decisions": named}).json()["decisions"]
        assert [each["actions"][0]["action_id"] for each in made] == ["gift"] * 3 + ["no_action"] * 2
        assert [each["customer_id"] for each in made] == ["c9", "c3", "c7", "c1", "c8"]
        again = client.post("/v1/decisions:batch", json={"decisions": named}).json()["decisions"]
        assert again == made, "and takes nothing more"
        record = client.get("/v1/decisions/d9").json()
    assert record["reserved"] == [{"kind": "budget", "what": "gift", "count": 1, "money": 0.25, "days": None, "most": None}]


def test_batches_at_once_take_no_more_than_there_is(serve_rules: Rules, empty_database: str) -> None:
    answers = list[Answer]()

    def ask(number: int) -> None:
        with httpx.Client(base_url=url, timeout=120) as own:
            named = [{"customer_id": f"c{number}-{n}", "decision_id": f"d{number}-{n}"} for n in range(20)]
            answers.extend(own.post("/v1/decisions:batch", json={"decisions": named}).json()["decisions"])

    with serve_rules(GIFT, limits(per="day", contacts=50), empty_database, as_of=NOON) as client:
        url = client.base_url
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    is_used_up(answers, 50)
