"""The features that a running server decides on are those of the bulk tables: as of a time, and after rows that were posted to it."""

import math
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pandas as pd
import pytest
import uvicorn

from decisions.simulator import simulate, write
from features import batch
from features.contract import NO_ACTION
from features.definitions import FEATURES, NAMES
from features.engine import Tables, open_tables, tables_from_frames
from features.home import Home, open_home
from features.ingest.run import ingest
from serving.app import create_app
from serving.cli.publication import publish_tables
from serving.cli.workspace import workspace
from serving.client import Client
from serving.log import Log
from serving.settings import ServingSettings

pytestmark = pytest.mark.slow

START = datetime(2025, 1, 1)
NOW = datetime(2025, 8, 20, 3, 30)
"""Half past ten in the morning in Hanoi, some weeks before the last simulated row."""

LATER = NOW + timedelta(hours=20)
POSTED = ("orders", "events", "decisions", "outcomes")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A shop of 60 customers over 9 months, with clocks of Hanoi, published as of NOW."""
    folder = tmp_path_factory.mktemp("served")
    write(simulate(customers=60, months=9, seed=8, start=START), folder / "files", file_format="parquet")
    home = open_home(folder / "home", timezone="Asia/Ho_Chi_Minh")
    names = ("orders", "products", "customers", "events", "decisions", "outcomes")
    ingest(home, {name: [folder / "files" / f"{name}.parquet"] for name in names}, None, today=datetime(2025, 12, 1))
    publish_tables(workspace(home.root, json=True), NOW)
    return home


@contextmanager
def served(home: Home, now: datetime) -> Iterator[Client]:
    """A real server in a thread, its clock pinned."""
    settings = ServingSettings(home=home.root, as_of=now, host="127.0.0.1", holdout_share=0.0)
    app = create_app(settings, log=Log(StringIO()))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="on"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.005)
        try:
            with Client(f"http://127.0.0.1:{listening.getsockname()[1]}", "", timeout=30) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


def decided(client: Client, customer_ids: list[str]) -> pd.DataFrame:
    """The records of one decision for each of these customers, as auditors see them."""
    made = [client.decide(customer_id=customer_id).decision_id for customer_id in customer_ids]
    records = [client.decision(decision_id) for decision_id in made if decision_id is not None]
    return pd.DataFrame(
        {
            "decision_id": [record.decision_id for record in records],
            "customer_id": [record.customer_id for record in records],
            "decided_at": [record.decided_at for record in records],
            "action_id": [record.answer.actions[0].action_id for record in records],
            "features": [record.features for record in records],
        }
    )


def assert_same(served_features: dict[str, Any], expected: dict[str, Any], who: str) -> None:
    for name in NAMES:
        if math.isnan(expected[name]):
            assert name not in served_features, (who, name)
        else:
            assert served_features.get(name) == pytest.approx(expected[name], rel=1e-9, abs=1e-9), (who, name)


def assert_equal_to_batch(records: pd.DataFrame, expected: pd.DataFrame) -> None:
    rows = expected.set_index("customer_id")[list(NAMES)].to_dict("index")
    assert set(records.customer_id) == set(rows)
    for record in records.to_dict("records"):
        assert_same(record["features"], rows[record["customer_id"]], record["customer_id"])


def with_rows(tables: Tables, added: dict[str, pd.DataFrame]) -> Tables:
    """The tables as they would be with these rows, too."""
    frames = {name: getattr(tables, name).to_pandas() for name in ("products", "customers", *POSTED)}
    whole = {name: pd.concat([frame, added[name]], ignore_index=True) if name in added else frame for name, frame in frames.items()}
    return Tables(**{**vars(tables_from_frames(whole)), "timezone": tables.timezone})


def test_the_server_computes_what_the_bulk_tables_say_before_and_after_rows_are_posted(home: Home) -> None:
    tables = open_tables(home)
    expected = batch.features(tables, [NOW])
    families = {f.family for f in FEATURES if expected[f.name].notna().any() and expected[f.name].nunique() > 1}
    assert {"category", "price", "contacts", "calendar", "channel", "engagement"} <= families
    everybody = list(expected.customer_id)
    buyer = str(expected.sort_values("order_count").customer_id.iloc[-1])
    listed = tables.products.to_pandas()
    priced = listed[listed.list_price.notna()].iloc[0].product_id
    with served(home, NOW) as client:
        before = decided(client, everybody)
        assert_equal_to_batch(before, expected)
        contacted = before[before.action_id != NO_ACTION]
        assert len(contacted) > 3
        answered = contacted.decision_id.iloc[0]
        order = {"order_id": "new-1", "customer_id": buyer, "ordered_at": (NOW + timedelta(hours=14)).isoformat()}
        order |= {"channel": "store", "store_id": "s-new", "lines": [{"product_id": priced, "quantity": 3, "unit_price": 4.5}]}
        event = {"event_id": "new-2", "customer_id": buyer, "event_type": "add_to_cart", "product_id": priced}
        outcome = {"event_id": "new-3", "decision_id": answered, "outcome_type": "accepted"}
    with served(home, LATER) as client:
        for post, row in ((client.orders, order), (client.events, event), (client.outcomes, outcome)):
            assert post([row]).accepted == 1
        after = decided(client, everybody)
    just_before = LATER - timedelta(microseconds=1)
    line = {"line_kind": "sale", "ordered_at": pd.Timestamp(order["ordered_at"]), "product_id": priced, "quantity": 3.0, "unit_price": 4.5}
    added = {
        "orders": pd.DataFrame([{**{n: order[n] for n in ("order_id", "customer_id", "channel", "store_id")}, **line}]),
        "events": pd.DataFrame([{**event, "occurred_at": just_before}]),
        "decisions": before.drop(columns="features").assign(action_probability=1.0),
        "outcomes": pd.DataFrame([{**outcome, "occurred_at": just_before}]),
    }
    grown = batch.features(with_rows(tables, added), [LATER])
    assert_equal_to_batch(after, grown)
    unchanged = batch.features(tables, [LATER]).set_index("customer_id")
    grown = grown.set_index("customer_id")
    answerer = before.set_index("decision_id").customer_id[answered]
    for who, name in ((buyer, "store_count"), (buyer, "evening_share"), (answerer, "answer_count_90d"), (answerer, "contact_count_7d")):
        assert grown.loc[who, name] != unchanged.loc[who, name], (who, name)
