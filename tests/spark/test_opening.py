"""An engine is opened, or a user is told why not, and what to do."""

import importlib.util
import subprocess
import sys
from datetime import datetime

import pandas as pd
import pytest

from features.engine import open_tables, tables_from_frames
from features.errors import InputError
from features.home import Home, open_home
from features.spark import conditions

needs_spark = pytest.mark.skipif(importlib.util.find_spec("pyspark") is None, reason="pyspark is not installed: make test-spark has it")
ENGINES = ["duckdb", pytest.param("spark", marks=needs_spark)]
LINE = {"customer_id": "c", "order_id": "1", "ordered_at": datetime(2025, 1, 1, 12, 0, 0, 5), "line_kind": "sale"}


@pytest.fixture
def home(tmp_path) -> Home:
    return open_home(tmp_path / "home")


def test_without_pyspark_its_installation_is_named():
    program = """
import sys
from features.engine import connect
from features.errors import InputError
sys.modules["pyspark"] = None  # as if it were not there
try:
    connect(engine="spark")
except InputError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "Spark is not installed (pyspark is missing). Install it: pip install 'nextbest[spark]'."


def test_without_java_its_installation_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"none is installed.*Java 17"):
        conditions.check_java()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(InputError, match="JAVA_HOME"):
        conditions.check_java()


@pytest.mark.parametrize("master", ["spark://127.0.0.1:1", "spark://127.0.0.1:1,127.0.0.1:2", "spark://127.0.0.1:x"])
def test_a_cluster_that_does_not_answer_is_refused_at_once(master):
    with pytest.raises(InputError, match=f"No Spark answers at {master}.*NEXTBEST_SPARK_MASTER"):
        conditions.check_reachable(master)


@pytest.mark.parametrize(("limit", "spark"), [("4GB", "4096m"), ("1.5 GiB", "1536m"), ("512m", "512m")])
def test_memory_is_said_in_sparks_way(limit, spark):
    assert conditions.driver_memory(limit) == spark


@pytest.mark.parametrize("limit", ["banana", "10MB", "80%"])
def test_memory_that_spark_cannot_start_with_is_refused(limit):
    with pytest.raises(InputError, match="NEXTBEST_MEMORY_LIMIT"):
        conditions.driver_memory(limit)


def test_the_reason_is_what_spark_said_last_before_it_ended():
    said = 'WARNING: Using incubator modules\nException in thread "main" org.apache.spark.SparkException: Master must be known.\n\tat x.Y'
    error = conditions.not_started("nowhere", RuntimeError("[JAVA_GATEWAY_EXITED] ..."), said)
    assert error.problem == "Spark does not start at nowhere: Master must be known."
    old = conditions.not_started("local", RuntimeError("x"), "Error: java.lang.UnsupportedClassVersionError: class file version 61.0")
    assert "Java 17" in old.remedy


@needs_spark
def test_a_master_that_is_none_is_refused_and_spark_is_quiet_otherwise():
    program = """
from features.engine import connect
from features.errors import InputError
try:
    connect(engine="spark", spark_master="nonsense")
except InputError as error:
    print(error.problem)
engine = connect(engine="spark", spark_master="local[1]")
try:
    engine.raw_sql("SELECT 1 / 0").collect()
except Exception as error:
    print("[DIVIDE_BY_ZERO]" in str(error))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "Spark does not start at nonsense: Master must either be yarn or start with spark, k8s, or local.",
        "True",
    ]
    assert done.stderr == ""


@pytest.mark.parametrize("engine", ENGINES)
def test_a_column_that_an_older_table_lacks_is_missing_values(home, engine):
    pd.DataFrame([{**LINE, "loyalty": 3}]).astype({"ordered_at": "datetime64[us]"}).to_parquet(home.table("orders"))
    tables = open_tables(home, engine=engine, spark_master="local[2]")
    row = tables.orders.to_pyarrow().to_pylist()[0]
    assert (row["customer_id"], row["ordered_at"], row["loyalty"]) == ("c", LINE["ordered_at"], 3)
    assert row["channel"] is None
    assert row["unit_price"] is None
    assert tables.events.count().to_pyarrow().as_py() == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_a_table_that_cannot_be_read_is_named(home, engine):
    home.table("events").write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match=r"events\.parquet cannot be read.*Restore it from a backup"):
        open_tables(home, engine=engine, spark_master="local[2]")


@needs_spark
def test_two_sessions_do_not_see_each_others_tables():
    one, two = (tables_from_frames({"orders": pd.DataFrame([LINE] * n)}, engine="spark", spark_master="local[2]") for n in (1, 2))
    assert [tables.orders.count().to_pyarrow().as_py() for tables in (one, two)] == [1, 2]
    one.engine.disconnect()
    assert two.orders.count().to_pyarrow().as_py() == 2
