"""The feature expressions can be said in a warehouse's own SQL: compiled and parsed, not run."""

from dataclasses import replace
from datetime import datetime

import ibis
import pytest
import sqlglot

from features import batch
from features.contract import TABLES
from features.definitions import NAMES
from features.engine import IBIS_TYPES, Tables, tables_from_frames

CUTS = [datetime(2024, 6, 1), datetime(2024, 9, 1, 12)]


@pytest.fixture(scope="module")
def tables() -> Tables:
    """Tables that lie nowhere: only their names and columns are known."""
    named = {
        name: ibis.table({column.name: IBIS_TYPES[column.kind] for column in table.columns}, name=name) for name, table in TABLES.items()
    }
    return replace(tables_from_frames({}), **named)


@pytest.mark.parametrize("cuts", [CUTS[:1], CUTS], ids=["one cut-off", "two"])
@pytest.mark.parametrize("warehouse", ["snowflake", "bigquery", "postgres"])
def test_the_features_compile(tables, warehouse, cuts):
    query = sqlglot.parse_one(ibis.to_sql(batch.expression(tables, cuts), dialect=warehouse), dialect=warehouse)
    assert query.named_selects == ["customer_id", "cut_us", *NAMES]
