"""Gaps and surges on counts per day: an honest rhythm explains itself, whatever it is; a hole or a break in it is found where it was put."""

import numpy as np
import pytest

from features.checks.calendar_gaps import Counts, unexplained_gaps
from features.checks.surges import odd_weeks

MONDAY = np.datetime64("2022-01-03")
NONE_CLOSED = np.zeros(5000, dtype=bool)


def shop(seed: int, days: int, per_day: float, *, closed_weekdays: tuple[int, ...] = ()) -> Counts:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(per_day, days).astype("float64")
    counts[np.isin(np.arange(days) % 7, closed_weekdays)] = 0
    counts[0] = counts[-1] = 1
    return counts


def at(day: str) -> int:
    return int((np.datetime64(day) - MONDAY).astype(int))


@pytest.mark.parametrize("closed_weekdays", [(), (6,), (5, 6), (0, 1, 2, 3)], ids=str)
@pytest.mark.parametrize("per_day", [0.1, 0.5, 2.0, 40.0])
def test_a_shop_without_missing_days_has_no_gap(per_day: float, closed_weekdays: tuple[int, ...]) -> None:
    for seed in range(20):
        assert unexplained_gaps(MONDAY, shop(seed, 700, per_day, closed_weekdays=closed_weekdays)) == []


def test_the_first_days_of_a_growing_shop_are_no_gap() -> None:
    for seed in range(50):
        counts = np.random.default_rng(seed).poisson(np.linspace(0.3, 12, 180)).astype("float64")
        assert unexplained_gaps(MONDAY, np.trim_zeros(counts)) == []


@pytest.mark.parametrize(
    ("first", "last", "explained"),
    [
        ("2022-12-24", "2023-01-03", True),  # Christmas to New Year
        ("2022-04-15", "2022-04-18", True),  # Easter
        ("2022-12-12", "2023-01-10", False),  # a month around New Year
        ("2022-09-05", "2022-09-10", False),
    ],
)
def test_feasts_are_explained_and_weeks_in_september_are_not(first: str, last: str, explained: bool) -> None:
    counts = shop(1, 700, 40.0, closed_weekdays=(6,))
    counts[at(first) : at(last) + 1] = 0
    found = unexplained_gaps(MONDAY, counts)
    assert len(found) == (0 if explained else 1)
    assert all(gap.first <= np.datetime64(first) and gap.last >= np.datetime64(last) for gap in found)


def test_a_feast_that_wanders_with_the_moon_is_known_by_its_second_year() -> None:
    once, every_year = shop(2, 700, 40.0), shop(2, 700, 40.0)
    for counts, years in ((once, ["2023-01-20"]), (every_year, ["2022-02-03", "2023-01-20"])):
        for first in years:
            counts[at(first) : at(first) + 7] = 0
    assert [str(gap) for gap in unexplained_gaps(MONDAY, once)] == ["2023-01-20 to 2023-01-26, 7 days"]
    assert unexplained_gaps(MONDAY, every_year) == []


def test_a_shop_with_an_order_a_week_misses_months_not_weeks() -> None:
    counts = shop(3, 700, 1 / 7)
    counts[at("2022-10-01") : at("2022-10-29")] = 0
    counts[at("2023-03-01") : at("2023-07-01")] = 0
    assert [gap.first.astype("datetime64[Y]") for gap in unexplained_gaps(MONDAY, counts)] == [np.datetime64("2023")]


@pytest.mark.parametrize("per_day", [0.5, 5.0, 200.0])
@pytest.mark.parametrize("yearly_growth", [0.3, 1.0, 4.0])
def test_growth_decline_and_season_are_no_surge(per_day: float, yearly_growth: float) -> None:
    day = np.arange(1000)
    expected = per_day * yearly_growth ** (day / 365) * (1 + 0.5 * np.sin(day / 365 * 2 * np.pi))
    for seed in range(20):
        counts = np.random.default_rng(seed).poisson(expected).astype("float64")
        assert odd_weeks(MONDAY, counts, NONE_CLOSED[:1000]) == []


@pytest.mark.parametrize(("factor", "is_drop"), [(0.2, True), (5.0, False)])
def test_a_week_of_a_fifth_or_of_five_times_the_usual_is_found(factor: float, is_drop: bool) -> None:
    counts = shop(4, 365, 40.0)
    week = slice(365 - 1 - 7 * 20, 365 - 1 - 7 * 19)
    counts[week] *= factor
    (found,) = odd_weeks(MONDAY, counts, NONE_CLOSED[:365])
    assert found.is_drop == is_drop
    assert found.first == MONDAY + week.start
    assert found.count == counts[week].sum()
    assert found.usual == pytest.approx(280, rel=0.1)


def test_what_ends_is_a_drop_and_closed_days_are_none() -> None:
    counts = shop(5, 365, 40.0)
    counts[200:-1] = 0
    ended = odd_weeks(MONDAY, counts, NONE_CLOSED[:365])
    assert [week.is_drop for week in ended]
    assert ended[0].first <= MONDAY + 203
    assert odd_weeks(MONDAY, counts, counts == 0) == []


@pytest.mark.parametrize("days", [0, 1, 20, 35])
def test_a_short_history_has_no_usual_week(days: int) -> None:
    assert odd_weeks(MONDAY, np.full(days, 50.0), NONE_CLOSED[:days]) == []


def test_the_newest_day_may_be_half() -> None:
    counts = np.full(7 * 20 + 1, 50.0)
    counts[-1] = 1
    assert odd_weeks(MONDAY, counts, NONE_CLOSED[: len(counts)]) == []
