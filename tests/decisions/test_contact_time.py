"""The next good hour: on the circle, by one's own clock, never in quiet hours, the same alone and among many."""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from decisions.contact_time import (
    NEVER,
    checked_timezone,
    hour_remark,
    hour_shares,
    instant_after,
    local_hour,
    local_hours,
    local_microseconds,
    next_hours,
    quiet_mask,
    timezone_of,
    timezone_remark,
)
from decisions.remarks import SENTENCES, Remark, in_words
from features.instants import microseconds

FLAT = np.ones(24)


def day(**visits):
    found = np.zeros(24)
    for hour, count in visits.items():
        found[int(hour[1:])] = count
    return found


def wait(hours, now, *, shop=FLAT, quiet=None):
    found = next_hours(hours[np.newaxis], shop, np.array([now]), quiet)
    return found[0].tolist()


def test_shares_by_hand():
    (row,) = hour_shares(day(h23=10.0)[np.newaxis], np.zeros(24))
    expected = np.full(24, 5 / 24)
    expected[[21, 22, 23, 0, 1]] += np.array([10, 20, 30, 20, 10]) / 9
    np.testing.assert_allclose(row, expected / 15)


def test_few_visits_lean_on_the_shop_and_many_stand_alone():
    shop = day(h9=500.0)
    one, many = hour_shares(np.stack([day(h20=1.0), day(h20=50.0)]), shop)
    assert one.argmax() == 9
    assert many.argmax() == 20


@pytest.mark.parametrize(("now", "hours"), [(19.0, 0.0), (20.5, 0.0), (21.99, 0.0), (22.0, 22.0), (12.25, 7.75), (0.0, 20.0)])
def test_now_where_it_is_good_and_the_best_hour_otherwise(now, hours):
    assert wait(day(h20=40.0), now, shop=np.zeros(24)) == [pytest.approx(hours)]


def test_without_any_visit_every_hour_is_good():
    assert wait(np.zeros(24), 3.0, shop=np.zeros(24)) == [0.0]


def test_quiet_hours_hold_channel_by_channel():
    quiet = np.stack([quiet_mask(21, 8), np.zeros(24, bool), np.ones(24, bool), quiet_mask(21, 8)])
    assert wait(day(h22=40.0), 12.0, quiet=quiet) == [8.0, 10.0, NEVER, 8.0]
    assert wait(np.zeros(24), 22.5, shop=np.zeros(24), quiet=quiet) == [9.5, 0.0, NEVER, 9.5]


@pytest.mark.parametrize(
    ("begins", "ends", "hours"),
    [
        (21, 8, {21, 22, 23, *range(8)}),
        (21.5, 8.5, {21, 22, 23, *range(9)}),
        (1, 3, {1, 2}),
        (1.5, 1.75, {1}),
        (7, 7, set()),
        (0, 24, set(range(24))),
    ],
)
def test_quiet_hours_are_all_that_the_silence_touches(begins, ends, hours):
    assert set(np.flatnonzero(quiet_mask(begins, ends)).tolist()) == hours


counted = hnp.arrays(np.float64, (5, 24), elements=st.integers(0, 9).map(float))


@given(
    counted,
    hnp.arrays(np.float64, (24,), elements=st.integers(0, 50).map(float)),
    hnp.arrays(np.float64, (5,), elements=st.floats(0, 24, exclude_max=True)),
    hnp.arrays(np.bool_, (3, 24)),
)
def test_laws(hours, shop, now, quiet):
    shares, waits = hour_shares(hours, shop), next_hours(hours, shop, now, quiet)
    np.testing.assert_allclose(shares.sum(1), 1.0)
    for (row, channel), hour_wait in np.ndenumerate(waits):
        if quiet[channel].all():
            assert hour_wait == NEVER
            continue
        assert 0 <= hour_wait < 24
        then = int(round(now[row] + hour_wait, 9)) % 24 if hour_wait else int(now[row])
        best = shares[row][~quiet[channel]].max()
        assert not quiet[channel][then]
        assert shares[row][then] == best or (hour_wait == 0 and shares[row][then] >= 0.6 * best)
    turned = hour_shares(np.roll(hours, 7, axis=1), np.roll(shop, 7))
    np.testing.assert_allclose(turned, np.roll(shares, 7, axis=1))


def test_one_customer_waits_as_long_to_the_last_bit_as_among_a_hundred_thousand():
    rng = np.random.default_rng(3)
    hours, now = rng.gamma(0.3, 4.0, (100_000, 24)), rng.uniform(0, 24, 100_000)
    quiet = np.stack([quiet_mask(21, 8), np.zeros(24, bool)])
    shop = hours.sum(0)
    everybody, shares = next_hours(hours, shop, now, quiet), hour_shares(hours, shop)
    for row in (*range(50), 31_337, 99_999):
        alone = slice(row, row + 1)
        assert next_hours(hours[alone], shop, now[alone], quiet)[0].tobytes() == everybody[row].tobytes()
        assert hour_shares(hours[alone], shop)[0].tobytes() == shares[row].tobytes()


def test_time_zones_are_checked():
    assert checked_timezone("Asia/Ho_Chi_Minh") == "Asia/Ho_Chi_Minh"
    assert [checked_timezone(name) for name in ("", "Mars/Olympus", "../UTC", None, 7, float("nan"))] == [""] * 6
    assert timezone_of({"timezone": "Europe/Berlin"}) == "Europe/Berlin"
    assert timezone_of({}) == ""
    assert timezone_remark({"timezone": "Europe/Berlin"}) is timezone_remark({}) is timezone_remark({"timezone": " "}) is None
    remark = timezone_remark({"timezone": "SE Asia Standard Time"})
    assert "SE Asia Standard Time" in in_words(remark, "vi")
    assert "SE Asia Standard Time" in in_words(remark, "en")


@given(
    st.lists(
        st.tuples(
            st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)),
            st.sampled_from(["UTC", "Asia/Ho_Chi_Minh", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"]),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_local_hours_are_those_of_zoneinfo(rows):
    found = local_hours([at for at, _ in rows], [name for _, name in rows])
    assert found.tolist() == [local_hour(at, name) for at, name in rows]
    for hour, (at, name) in zip(found, rows, strict=True):
        clock = at.replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo(name))
        assert hour == pytest.approx(clock.hour + clock.minute / 60 + (clock.second + clock.microsecond / 1e6) / 3600, abs=1e-9)


@pytest.mark.parametrize(
    ("as_of", "hours", "then"),
    [
        (datetime(2025, 6, 1, 6), 10.0, datetime(2025, 6, 1, 16)),
        (datetime(2025, 3, 29, 19), 12.0, datetime(2025, 3, 30, 6)),  # 20 h to 8 h: clocks jump over an hour
        (datetime(2025, 10, 25, 18), 12.0, datetime(2025, 10, 26, 7)),  # 20 h to 8 h: an hour stands twice
        (datetime(2025, 3, 29, 23), 2.0, datetime(2025, 3, 30, 1)),  # 2 h is jumped over: 3 h
        (datetime(2025, 10, 25, 23), 1.5, datetime(2025, 10, 26, 0, 30)),  # 2:30 stands twice: the first
        (datetime(2025, 10, 26, 1, 15), 0.5, datetime(2025, 10, 26, 1, 45)),  # the second 2:15, to the second 2:45
        (datetime(2025, 10, 26, 1, 15), 0.0, datetime(2025, 10, 26, 1, 15)),
    ],
)
def test_a_wait_is_on_the_clock_of_the_zone(as_of, hours, then):
    assert instant_after(as_of, "Europe/Berlin", hours) == then


@given(st.datetimes(datetime(2024, 1, 1), datetime(2026, 1, 1)), st.integers(0, 23 * 4))
def test_the_clock_shows_so_many_hours_more(as_of, quarters):
    then = instant_after(as_of, "Europe/Berlin", quarters / 4)
    begin, end = local_microseconds(np.array([microseconds(as_of), microseconds(then)]), "Europe/Berlin")
    over = (end - begin) / 3_600_000_000 - quarters / 4
    assert then >= as_of
    assert over == 0 or (over == 1 and then.month == 3 and then.day > 24)


def test_the_reason_in_words():
    own = hour_remark(day(h19=3.0, h20=9.0, h21=2.0, h7=17.0).tolist(), FLAT.tolist(), 20)
    assert in_words(own) == "usually there around 20 h; 14 of 31 visits within an hour of it"
    assert in_words(own, "vi") == "thường có mặt khoảng 20 giờ; 14 trên 31 lần ghé trong vòng một giờ quanh đó"
    around_midnight = hour_remark(day(h23=4.0, h1=3.0).tolist(), FLAT.tolist(), 0)
    assert around_midnight == Remark("hour_own", {"hour": 0, "near": 7.0, "visits": 7.0})
    few = hour_remark(day(h20=4.0).tolist(), FLAT.tolist(), 20)
    assert in_words(few) == "the shop's customers are usually there around 20 h; of this customer 4 visits are known"
    assert hour_remark([0.0] * 24, [0.0] * 24, 9).code == hour_remark((), (), 9).code == "hour_any"


def test_every_sentence_is_written_in_both_languages():
    for sentences in SENTENCES.values():
        assert set(sentences) == {"en", "vi"}
