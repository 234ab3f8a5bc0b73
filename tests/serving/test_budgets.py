"""However many take from a budget at once, it is never exceeded, and used to the end."""

import math
import random
import threading
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from serving.state.budgets import BudgetTake, left, take
from serving.state.database import State
from serving.state.tables import BUDGETS

MARCH, APRIL = datetime(2026, 3, 1), datetime(2026, 4, 1)
THREADS = 12


def taken(state: State) -> dict[tuple[str, datetime], tuple[int, float]]:
    with state.reading() as connection:
        rows = connection.execute(select(BUDGETS)).all()
    return {(row.action_id, row.period_start): (row.contacts, row.money_millionths / 1e6) for row in rows}


def tried(state: State, takes: Sequence[BudgetTake]) -> bool:
    """One request: takes and commits, or rolls back."""
    with state.writing() as connection:
        fits = take(connection, takes)
        if not fits:
            connection.rollback()
    return fits


def at_once(state: State, requests: Sequence[Sequence[BudgetTake]]) -> int:
    """How many of these requests got what they asked for, asked by many threads at once."""
    waiting, granted, failed = list(requests), [0] * THREADS, []
    go = threading.Barrier(THREADS)

    def work(me: int) -> None:
        try:
            go.wait()
            while True:
                try:
                    asked = waiting.pop()
                except IndexError:
                    return
                granted[me] += tried(state, asked)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(me,)) for me in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    return sum(granted)


def test_a_thousand_requests_on_a_budget_of_a_hundred_give_a_hundred(state: State) -> None:
    assert at_once(state, [[BudgetTake("offer", MARCH, 1, 0.0, most_contacts=100)]] * 1_000) == 100
    assert taken(state) == {("offer", MARCH): (100, 0.0)}


def test_money_is_given_to_the_last_unit_and_no_further(state: State) -> None:
    assert at_once(state, [[BudgetTake("offer", MARCH, 1, 0.1, most_money=10.0)]] * 300) == 100
    assert taken(state) == {("offer", MARCH): (100, 10.0)}


def test_money_that_is_no_whole_number_of_millionths_is_rounded_against_the_taker(state: State) -> None:
    assert [tried(state, [BudgetTake("offer", MARCH, 1, 2 / 3, most_money=1.999999)]) for _ in range(3)] == [True, True, False]
    assert [tried(state, [BudgetTake("call", MARCH, 1, 0.000001, most_money=0.0000019)]) for _ in range(2)] == [True, False]


def test_requests_on_several_budgets_in_any_order_never_wait_for_each_other_and_take_all_or_nothing(state: State) -> None:
    random.seed(5)
    both = [BudgetTake("offer", MARCH, 1, 2.0, most_contacts=60), BudgetTake("call", MARCH, 1, 5.0, most_money=150.0)]
    calls = [BudgetTake("call", MARCH, 1, 5.0, most_money=150.0), BudgetTake("call", APRIL, 1, 5.0, most_contacts=7)]
    requests = [random.sample(pair, 2) for pair in (both, calls) for _ in range(200)]
    random.shuffle(requests)
    granted = at_once(state, requests)
    found = taken(state)
    offers, april = found["offer", MARCH][0], found["call", APRIL][0]
    assert found == {("offer", MARCH): (offers, 2.0 * offers), ("call", MARCH): (30, 150.0), ("call", APRIL): (april, 5.0 * april)}
    assert offers + april == granted == 30
    assert april <= 7


def test_a_batch_takes_its_sum_or_nothing(state: State) -> None:
    one = BudgetTake("offer", MARCH, 1, 0.25, most_contacts=10, most_money=2.0)
    assert not tried(state, [one] * 9), "too much money"
    assert not tried(state, [one, BudgetTake("call", MARCH, 11, 0.0, most_contacts=10)])
    assert taken(state) == {}
    assert tried(state, [one] * 8)
    assert not tried(state, [one])
    assert taken(state) == {("offer", MARCH): (8, 2.0)}


def test_what_is_rolled_back_is_not_taken(state: State) -> None:
    def take_and_fail() -> None:
        with state.writing() as connection:
            assert take(connection, [BudgetTake("offer", MARCH, 1, 1.0, most_contacts=1)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        take_and_fail()
    assert taken(state) == {}
    assert tried(state, [BudgetTake("offer", MARCH, 1, 1.0, most_contacts=1)])


def test_who_waits_for_a_budget_gets_what_a_rolled_back_transaction_had_taken(state: State) -> None:
    all_of_it = [BudgetTake("offer", MARCH, 10, 0.0, most_contacts=10)]
    granted: list[bool] = []
    other = threading.Thread(target=lambda: granted.append(tried(state, all_of_it)))
    with state.writing() as connection:
        assert take(connection, all_of_it)
        other.start()
        other.join(0.2)
        assert granted == [], "it waits"
        connection.rollback()
    other.join()
    assert granted == [True]


def test_what_is_left_is_told_for_each_actions_own_period(state: State) -> None:
    assert tried(state, [BudgetTake("offer", MARCH, 3, 1.2), BudgetTake("offer", APRIL, 1, 0.1), BudgetTake("call", MARCH, 9, 90.0)])
    with state.reading() as connection:
        asked = {"offer": (MARCH, 5, 2.0), "call": (MARCH, 8, None), "sms": (MARCH, None, 7.5), "post": (APRIL, 4, None)}
        assert left(connection, asked) == {
            "offer": (2.0, 0.8),
            "call": (0.0, math.inf),
            "sms": (math.inf, 7.5),
            "post": (4.0, math.inf),
        }
        assert left(connection, {"offer": (APRIL, 5, 2.0)}) == {"offer": (4.0, 1.9)}
        assert left(connection, {}) == {}


def test_a_budget_that_was_lowered_below_what_is_taken_has_nothing_left(state: State) -> None:
    assert tried(state, [BudgetTake("offer", MARCH, 5, 5.0)])
    with state.reading() as connection:
        assert left(connection, {"offer": (MARCH, 3, 4.0)}) == {"offer": (0.0, 0.0)}
    assert not tried(state, [BudgetTake("offer", MARCH, 0, 0.0, most_contacts=3)])
    assert not tried(state, [BudgetTake("new", MARCH, 2, 0.0, most_contacts=1)]), "not even the first"


amounts = st.one_of(
    st.sampled_from([0.0, 0.07, 0.1, 0.29, 1 / 3, 2 / 3, 1e-7, 25_000.0]), st.floats(0, 1e6), st.decimals(0, 1_000, places=2).map(float)
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(amounts, min_size=5, max_size=25), st.floats(0.3, 1.2))
def test_what_is_said_to_be_left_can_be_taken_and_nothing_more(state: State, moneys: list[float], share: float) -> None:
    most, granted = math.fsum(moneys) * share, Decimal(0)
    with state.writing() as connection:
        connection.execute(delete(BUDGETS))
    for money in moneys:
        with state.reading() as connection:
            (_, there) = left(connection, {"offer": (MARCH, None, most)})["offer"]
        fits = tried(state, [BudgetTake("offer", MARCH, 1, money, most_money=most)])
        assert fits == (money <= there)
        granted += Decimal(repr(money)) if fits else 0
    assert granted <= Decimal(repr(most))


@pytest.mark.parametrize(("contacts", "money"), [(-1, 0.0), (1, -0.01), (1, math.nan), (1, math.inf)])
def test_nothing_can_be_given_back_by_taking(contacts: int, money: float) -> None:
    with pytest.raises(ValueError, match="nothing that can be taken"):
        BudgetTake("offer", MARCH, contacts, money)
