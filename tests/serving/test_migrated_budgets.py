"""A database of the third schema keeps its rows when budgets, policies and visitors come to it."""

import json
from datetime import datetime
from typing import Any

from alembic import command
from sqlalchemy import text

from serving.state import decisions
from serving.state.budgets import BudgetTake, take
from serving.state.database import connect, open_state
from serving.state.migrate import _config, migrate
from serving.state.somebody import Whom, read

MARCH = datetime(2025, 3, 1)
DECISION: dict[str, Any] = {
    "decision_id": "d1",
    "customer_id": "c1",
    "visitor_id": None,
    "decided_at": MARCH,
    "stage": "retention",
    "channel": "email",
    "action_id": "winback",
    "action_probability": 0.25,
    "policy_version": "v1",
    "holdout": False,
}
CONTACT = {"decision_id": "d1", "rank": 1, "subject_id": "c1", "action_id": "winback", "channel": "email", "decided_at": MARCH}


def of_the_third_schema(url: str) -> None:
    engine = connect(url)
    rows: list[tuple[str, dict[str, Any]]] = [
        ("publications", {"generation": 3, "complete": True, "as_of": MARCH, "started_at": MARCH, "facts": "{}"}),
        ("published_customers", {"generation": 3, "customer_id": "c1", "profile": '{"name": "An"}', "consent": "{}", "contacts": "[]"}),
        ("decisions", {**DECISION, "request": json.dumps({"known": True}), "record": json.dumps({"format": 1, "tên": "Huế"})}),
        ("contacts", CONTACT),
    ]
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        command.upgrade(_config(connection), "0003")
        for table, row in rows:
            connection.execute(text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(f':{name}' for name in row)})"), row)
    engine.dispose()


def test_decisions_contacts_and_publications_stay_and_budgets_begin_untouched(empty_database: str) -> None:
    of_the_third_schema(empty_database)
    assert migrate(empty_database)[0] == "0003"
    state = open_state(empty_database)
    with state.reading() as connection:
        found = decisions.find(connection, "d1")
        (rows,) = read(connection, [Whom("c1", None, MARCH)])
    with state.writing() as connection:
        assert take(connection, [BudgetTake("winback", MARCH, 1, 0.5, most_contacts=1)])
    state.close()
    assert found == {**DECISION, "request": {"known": True}, "record": {"format": 1, "tên": "Huế"}, "digest": None}
    assert [each["decision_id"] for each in rows.contacts] == ["d1"]
    assert rows.stored is not None
    assert rows.stored.profile == {"name": "An"}
