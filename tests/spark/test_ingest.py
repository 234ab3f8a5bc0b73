"""A home is the same, row by row and type by type, whichever engine put its tables together."""

import gzip
from datetime import datetime

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.errors import InputError
from features.home import Home, open_home
from features.ingest.mapping import load_mapping
from features.ingest.run import ingest
from features.spark.files import merge

TODAY = datetime(2025, 6, 1)
MAPPING = """
orders:
  timezone: Asia/Ho_Chi_Minh
  cancelled_order_pattern: ^x
  derive: {products: {name: Description}, customers: {city: Town}}
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


@pytest.mark.parametrize("spark_master", ["local[2]"], indirect=True)
def test_the_tables_and_the_report(files, tmp_path, spark_master):
    expected, told = ingested(files, tmp_path / "duckdb")
    found, found_told = ingested(files, tmp_path / "spark [1]", engine="spark", spark_master=spark_master)
    assert found_told == told
    assert not any(table["changed"] for table in told[-1]["tables"].values())
    for name in ("orders", "products", "customers", "events", "decisions", "outcomes"):
        one, other = (pq.read_table(home.table(name)) for home in (found, expected))
        assert one.schema.equals(other.schema), name
        if name == "orders":  # lines of one order and product stand in an order of the engine's own
            first = ["customer_id", "ordered_at", "order_id", "product_id"]
            assert one.select(first).equals(other.select(first))
            one, other = (table.sort_by([(column, "ascending") for column in table.column_names]) for table in (one, other))
        assert one.equals(other), name
    assert not list(found.root.glob(".ingest-*"))


def test_a_master_that_does_not_answer_is_told_before_any_file_is_read(tmp_path):
    pytest.importorskip("pyspark", reason="pyspark is not installed: make test-spark has it")
    home, orders = open_home(tmp_path), [tmp_path / "no such file.csv"]
    with pytest.raises(InputError, match="No Spark answers"):
        ingest(home, {"orders": orders}, today=TODAY, engine="spark", spark_master="spark://127.0.0.1:1")


def test_the_same_rows_are_the_same_file_wherever_their_parts_begin(tmp_path):
    rows = pa.table({"number": range(300_000), "text": [str(i % 977) for i in range(300_000)]})
    for name, ends in (("one", [100_000, 300_000]), ("other", [7, 130_000, 130_000, 300_000])):
        (tmp_path / name).mkdir()
        for i, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
            pq.write_table(rows.slice(start, end - start), tmp_path / name / f"part-{i:05}.parquet")
        merge(tmp_path / name, tmp_path / f"{name}.parquet", {"compression": "zstd"})
    assert pq.read_table(tmp_path / "one.parquet").equals(rows)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "other.parquet").read_bytes()
