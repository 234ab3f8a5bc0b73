"""Clock time against the time zone database, asked instant by instant."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.instants import microseconds
from features.local_time import zone

ZONES = ["UTC", "Asia/Ho_Chi_Minh", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"]
instants = st.datetimes(datetime(1991, 1, 1), datetime(2044, 1, 1))


def clock(at, name):
    return microseconds(at.replace(tzinfo=UTC).astimezone(ZoneInfo(name)).replace(tzinfo=None))


@given(st.lists(instants, min_size=1, max_size=20), st.sampled_from(ZONES))
def test_clocks_are_those_of_the_time_zone_database(times, name):
    found = zone(name).local(np.array([microseconds(at) for at in times]))
    assert found.tolist() == [clock(at, name) for at in times]


@pytest.mark.parametrize("name", ZONES)
def test_the_engine_reads_the_same_clocks(name):
    changes = [datetime(2025, 3, 30, 1), datetime(2025, 10, 26, 1), datetime(2025, 4, 5, 15), datetime(2000, 1, 1)]
    times = [at + timedelta(microseconds=shift) for at in changes for shift in (-1, 0, 1)]
    column = ibis.memtable(pd.DataFrame({"at": [microseconds(at) for at in times]}))
    found = column.select(local=zone(name).local_column(column["at"])).to_pandas().local
    assert found.tolist() == [clock(at, name) for at in times]


def test_a_zone_that_changes_twice_a_year_is_a_short_list():
    assert 100 < len(zone("Europe/Berlin").offsets) < 120
    assert len(zone("UTC").offsets) == 1
