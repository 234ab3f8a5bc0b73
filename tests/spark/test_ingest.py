"""A home is the same, row by row and type by type, whichever engine put its tables together."""

import gzip
from datetime import datetime

import pandas as pd
import pyarrow.parquet as pq
import pytest

from features.home import Home, open_home
from features.ingest.mapping import load_mapping
from features.ingest.run import ingest

TODAY = datetime(2025, 6, 1)
MAPPING = """
orders:
  timezone: Asia/Ho_Chi_Minh
"""


@pytest.fixture(scope="module")
def files(shop, tmp_path_factory):
    """The shop's tables as somebody would export them: orders in two files that overlap, events compressed, with attributes and holes."""
    folder = tmp_path_factory.mktemp("export")
    orders = shop["orders"].drop(columns="line_kind")
    orders["Description"] = ["Ấm, đỏ" if i % 3 else None for i in range(len(orders))]
    orders["Town"] = [["Huế", "Paris", None][i % 3] for i in range(len(orders))]
    parts = [orders[:700], orders[650:]]
    for i, part in enumerate(parts):
        part.to_csv(folder / f"orders {i}.csv", index=False)
    with gzip.open(folder / "events.csv.gz", "wt", encoding="utf-8") as file:
        shop["events"].to_csv(file, index=False)
    for name in ("products", "customers", "decisions"):
        shop[name].to_csv(folder / f"{name}.csv", index=False)
    shop["outcomes"].to_parquet(folder / "outcomes.parquet")
    (folder / "mapping.yaml").write_text(MAPPING)
    return folder


def ingested(files, root, **engine) -> tuple[Home, list[dict[str, object]]]:
    """A home into which everything was brought, then one file of orders again and customers with another column."""
    home, mapping = open_home(root), load_mapping(str(files / "mapping.yaml"))
    one, other = files / "orders 0.csv", files / "orders 1.csv"
    sources = {name: [next(files.glob(f"{name}.*"))] for name in ("products", "customers", "events", "decisions", "outcomes")}
    more = files / "more.csv"
    pd.DataFrame({"customer_id": ["c 0", "new"], "tier": ["silver", "gold"], "points": [5, 7]}).to_csv(more, index=False)
    reports = [
        ingest(home, {"orders": [one, other], **sources}, mapping, today=TODAY, **engine),
        ingest(home, {"orders": [one], "customers": [more]}, mapping, today=TODAY, **engine),
        ingest(home, {"orders": [one], "customers": [more]}, mapping, today=TODAY, **engine),
    ]
    return home, [report.as_dict() for report in reports]


def test_the_tables_and_the_report(files, tmp_path, spark_master):
    if spark_master != "local[2]":
        pytest.skip("the cluster of this test writes where this machine does")
    expected, told = ingested(files, tmp_path / "duckdb")
    found, found_told = ingested(files, tmp_path / "spark [1]", engine="spark", spark_master=spark_master)
    assert found_told == told
    assert not any(table["changed"] for table in told[-1]["tables"].values())
    for name in ("orders", "products", "customers", "events", "decisions", "outcomes"):
        one, other = (pq.read_table(home.table(name)) for home in (found, expected))
        assert one.schema.equals(other.schema), name
        assert one.equals(other), name
    assert not list(found.root.glob(".ingest-*"))
