"""`nextbest sync`, as a person runs it."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from features.home import open_home
from serving.state import events
from serving.state.database import open_state
from serving.state.migrate import migrate

AT = datetime(2025, 3, 1)


def post(root: Path, number: int) -> None:
    home = open_home(root)
    url = f"sqlite:///{home.database}"
    migrate(url)
    state = open_state(url)
    row = {
        "customer_id": "A",
        "product_id": "p",
        "ordered_at": AT,
        "quantity": 1.0,
        "unit_price": 2.0,
        "discount_amount": 0.0,
        "received_at": AT,
    }
    rest = {"channel": None, "store_id": None, "currency": None, "line_kind": "sale"}
    with state.writing() as connection:
        events.add_order_lines(connection, [{"order_id": f"o{number}", "line": 0, **row, **rest}])
    state.close()


def test_it_says_what_moved_and_that_nothing_is_left(nextbest: Callable[..., Any], tmp_path: Path) -> None:
    post(tmp_path / "home", 1)
    first = nextbest("sync")
    assert (first.code, first.out) == (0, "orders: 1 rows moved; 1 rows now\n")
    assert nextbest("sync").out == "nothing was posted since the last sync\n"


def test_json_has_counts_by_table_and_publish_brings_rows_into_the_history(nextbest: Callable[..., Any], tmp_path: Path) -> None:
    post(tmp_path / "home", 1)
    post(tmp_path / "home", 2)
    told = json.loads(nextbest("sync", "--publish", "--json").out)
    assert told["tables"]["orders"] == {"rows": 2, "rows_now": 2, "refused": {}, "replaced": 0}
    state = open_state(f"sqlite:///{open_home(tmp_path / 'home').database}")
    with state.reading() as connection:
        assert not list(connection.exec_driver_sql("SELECT 1 FROM order_lines"))
        assert list(connection.exec_driver_sql("SELECT customer_id FROM published_customers")) == [("A",)]
    state.close()


def test_without_a_home_it_says_so(nextbest: Callable[..., Any], tmp_path: Path) -> None:
    ended = nextbest("sync")
    assert ended.code == 2
    assert "no nextbest home" in ended.err
    assert not (tmp_path / "home").exists()
