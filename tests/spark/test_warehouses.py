"""The feature expressions can be said in a warehouse's own SQL: compiled and parsed, not run."""

from dataclasses import replace
from datetime import datetime

import ibis
import pytest
import sqlglot

from features import batch
from features.contract import TABLES
from features.definitions import FEATURES
from features.engine import IBIS_TYPES, Tables, tables_from_frames
from features.states import states_of

CUTS = [datetime(2024, 6, 1), datetime(2024, 9, 1, 12)]
ONE_PER_SOURCE = list({states_of([feature])[0].source: feature for feature in FEATURES}.values())


@pytest.fixture(scope="module")
def tables() -> Tables:
    """Tables that lie nowhere: only their names and columns are known."""
    named = {
        name: ibis.table({column.name: IBIS_TYPES[column.kind] for column in table.columns}, name=name) for name, table in TABLES.items()
    }
    return replace(tables_from_frames({}), **named)


@pytest.mark.parametrize(
    ("warehouse", "cuts", "wanted"),
    [
        pytest.param("snowflake", CUTS, FEATURES, id="snowflake"),
        pytest.param("postgres", CUTS, FEATURES, id="postgres"),
        pytest.param("postgres", CUTS[:1], ONE_PER_SOURCE, id="postgres, one cut-off"),
        # the parser takes many seconds for all features in BigQuery's SQL: it copies every nested query
        pytest.param("bigquery", CUTS, ONE_PER_SOURCE, id="bigquery"),
    ],
)
def test_the_features_compile(tables, warehouse, cuts, wanted):
    query = sqlglot.parse_one(ibis.to_sql(batch.expression(tables, cuts, wanted), dialect=warehouse), dialect=warehouse)
    assert query.named_selects == ["customer_id", "cut_us", *(feature.name for feature in wanted)]


def test_one_feature_per_source_asks_every_source():
    assert {state.source for state in states_of(ONE_PER_SOURCE)} == {state.source for state in states_of(FEATURES)}
