"""A user's mistake: exit code 2, one clear message with a remedy, no trace, nothing half-written."""

import json
import socket
from pathlib import Path

import pytest

GOOD = "customer_id,ordered_at,product_id,quantity,unit_price\na,2025-01-01,p,1,5\nb,2025-02-01,q,2,3\n"


def refused(ended, *said):
    assert ended.code == 2, ended
    assert "Traceback" not in ended.err
    for words in said:
        assert words in ended.err, ended.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("client,ordered_at\na,2025-01-01\n", "customer_id"),
        ("", "empty"),
        ("customer_id,ordered_at\n", "row"),
        ("customer_id,ordered_at,quantity\na,2025-01-01,many\n", "many"),
        ("customer_id,ordered_at\na,2999-01-01\n", "future"),
        ("customer_id,ordered_at\na,someday\n", "someday"),
    ],
    ids=["no column", "empty", "header only", "text in a number", "future", "no date"],
)
def test_a_file_that_cannot_be_used_leaves_the_home_as_it_was(nextbest, tmp_path, content, said):
    file = tmp_path / "orders.csv"
    file.write_text(content)
    refused(nextbest("ingest", "--orders", file), said)
    assert not (tmp_path / "home").exists()


def test_a_file_that_is_not_text_is_refused(nextbest, tmp_path):
    file = tmp_path / "orders.csv.gz"
    file.write_bytes(b"\x00\x01not gzip\xff")
    refused(nextbest("ingest", "--orders", file), "orders.csv.gz")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ingest",), "--orders FILE"),
        (("ingest", "--orders", "/no/such/file.csv"), "/no/such/file.csv"),
        (("ingest", "--orders", "x.csv", "--mapping", "shopyfi"), "cdnow"),
        (("simulate", "--customers", "0", "--out", "x"), "at least 1"),
        (("check",), "nextbest ingest"),
        (("features", "--output", "x.csv"), "nextbest ingest"),
        (("features",), "--output"),
        (("train", "chrun"), "churn"),
        (("train", "churn"), "nextbest ingest"),
        (("score", "churn", "--output", "x.csv"), "nextbest ingest"),
        (("promote", "churn", "7"), "nextbest ingest"),
        (("rollback", "churn"), "nextbest ingest"),
        (("promote", "chrun", "1"), "Choose from"),
        (("key", "create", "--role", "boss"), "admin"),
        (("serve",), "nextbest ingest"),
        (("models",), "nextbest demo"),
        (("nonsense",), "nonsense"),
        (("train", "--horizon-days", "0"), "horizon-days"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_mistaken_command_says_what_to_do(nextbest, arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(nextbest(*arguments), said)
    assert not (tmp_path / "x").exists()
    assert not (tmp_path / "x.csv").exists()


def test_a_home_of_another_version_is_refused(nextbest, tmp_path):
    home = tmp_path / "old"
    home.mkdir()
    (home / "home.json").write_text(json.dumps({"contract_version": 99, "currency": "EUR"}))
    refused(nextbest("check", home=home), "99", "new home")


def test_a_folder_with_other_things_is_no_home(nextbest, tmp_path):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("dear")
    refused(nextbest("check", home=tmp_path / "letters"), "--home")


def test_a_file_is_no_home(nextbest, tmp_path):
    (tmp_path / "file").write_text("")
    refused(nextbest("check", home=tmp_path / "file"), "--home")


def test_times_and_places_are_checked(nextbest, tmp_path: Path):
    orders = tmp_path / "orders.csv"
    orders.write_text(GOOD)
    assert nextbest("ingest", "--orders", orders).code == 0
    refused(nextbest("features", "--as-of", "2024-01-01", "--output", tmp_path / "f.csv"), "2024-01-01")
    refused(nextbest("features", "--as-of", "soon", "--output", tmp_path / "f.csv"), "ISO")
    refused(nextbest("features", "--output", tmp_path / "f.xlsx"), ".parquet")
    refused(nextbest("features", "--output", tmp_path / "nowhere" / "f.csv"), "folder")
    refused(nextbest("features", "--as-of", "2999-01-01", "--output", tmp_path / "f.csv"), "future")
    refused(nextbest("train", "churn", "--horizon-days", "900"), "--horizon-days")
    refused(nextbest("score", "churn", "--output", tmp_path / "c.csv"), "nextbest train churn")
    refused(nextbest("promote", "churn", "7"), "nextbest models")
    refused(nextbest("rollback", "churn"), "churn")
    refused(nextbest("serve", "--as-of", "soon"), "AS_OF")
    nextbest("migrate")
    refused(nextbest("serve", "--host", "0.0.0.0"), "nextbest key create")
    assert nextbest("features", "--output", tmp_path / "f.csv").code == 0
    assert (tmp_path / "f.csv").read_text().startswith("customer_id,as_of,")


def test_a_taken_port_is_said(nextbest):
    nextbest("migrate")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused(nextbest("serve", "--port", taken.getsockname()[1]), "--port")


@pytest.mark.parametrize(
    ("file", "command"),
    [
        ("tables/orders.parquet", ("train", "churn")),
        ("state.db", ("publish",)),
        ("state.db", ("serve",)),
        ("mlflow/mlflow.db", ("models",)),
    ],
)
def test_a_damaged_file_is_named(nextbest, tmp_path, file, command):
    orders = tmp_path / "orders.csv"
    orders.write_text(GOOD)
    nextbest("ingest", "--orders", orders)
    (tmp_path / "home" / file).write_bytes(b"rubbish " * 999)
    refused(nextbest(*command), file.rsplit("/", 1)[-1])


@pytest.mark.parametrize("name", ["stages", "catalogue", "limits", "bands"])
def test_broken_rules_are_named(nextbest, tmp_path, name):
    orders = tmp_path / "orders.csv"
    orders.write_text(GOOD)
    nextbest("ingest", "--orders", orders)
    nextbest("migrate")
    (tmp_path / "home" / "config" / f"{name}.yaml").write_text("nonsense: [1, 2")
    command = ("serve", "--port", "0") if name != "bands" else ("score", "churn", "--output", tmp_path / "x.csv")
    refused(nextbest(*command), f"{name}.yaml")
