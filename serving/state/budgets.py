"""What actions may still take from the shop in a period, and the taking: in the transaction that records the decision, so that no budget is exceeded.

Money is counted in whole millionths of the currency's unit: what is taken is rounded up, what there is is rounded down. So sums are exact in every
database and in every order, and the rounding never gives more than there is.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import cache
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, DateTime, Executable, String, bindparam, select, tuple_

from serving.state.tables import BUDGETS
from serving.state.upserts import insert_into

MILLION: Final = 1_000_000
_NO_LIMIT: Final = 2**62  # far above any sum, and far enough below the largest whole number of both databases to be compared with sums

Period = tuple[datetime, int | None, float | None]
"""When a budget's period began, and the most contacts and the most money within it; None is no limit."""


@dataclass(frozen=True)
class BudgetTake:
    """What recording a decision takes from an action's budget: contacts and money, of which so much there is in the period; None is no limit."""

    action_id: str
    period_start: datetime
    contacts: int
    money: float
    most_contacts: int | None = None
    most_money: float | None = None

    def __post_init__(self) -> None:
        if self.contacts < 0 or not 0 <= self.money < math.inf:
            raise ValueError(f"{self.contacts} contacts and {self.money} money are nothing that can be taken")


def take(connection: Connection, takes: Sequence[BudgetTake]) -> bool:
    """Takes all of it, or says False: the transaction must then be rolled back, since a part of it may be taken.

    Whoever takes from the same budget at the same time waits until this transaction ends, so take last. Budgets are taken from in one order
    everywhere: no two transactions wait for each other.
    """
    statement = _taking(connection.dialect.name)
    return all(connection.execute(statement, each).first() is not None for each in _merged(takes))


def left(connection: Connection, budgets: Mapping[str, Period]) -> dict[str, tuple[float, float]]:
    """(contacts, money) that are left to each of these actions in its period; infinite without a limit, never below 0."""
    if not budgets:
        return {}
    periods = [(action_id, began) for action_id, (began, _, _) in budgets.items()]
    return left_after(budgets, {row[0]: (row[1], row[2]) for row in connection.execute(_TAKEN, {"periods": periods})})


def left_after(budgets: Mapping[str, Period], taken: Mapping[str, tuple[int, int]]) -> dict[str, tuple[float, float]]:
    """The same, where these contacts and millionths of money were taken from them."""
    return {
        action_id: _left(*taken.get(action_id, (0, 0)), most_contacts, most_money)
        for action_id, (_, most_contacts, most_money) in budgets.items()
    }


def _left(contacts: int, millionths: int, most_contacts: int | None, most_money: float | None) -> tuple[float, float]:
    return (
        math.inf if most_contacts is None else float(max(most_contacts - contacts, 0)),
        math.inf if most_money is None else max(_millionths(most_money, ROUND_FLOOR) - millionths, 0) / MILLION,
    )


def _merged(takes: Iterable[BudgetTake]) -> list[dict[str, Any]]:
    """One row for each budget, in the order of their keys."""
    groups: defaultdict[tuple[str, datetime], list[BudgetTake]] = defaultdict(list)
    for each in takes:
        groups[each.action_id, each.period_start].append(each)
    return [_summed(*key, groups[key]) for key in sorted(groups)]


def _summed(action_id: str, period_start: datetime, takes: Sequence[BudgetTake]) -> dict[str, Any]:
    return {
        "action_id": action_id,
        "period_start": period_start,
        "contacts": sum(each.contacts for each in takes),
        "money_millionths": sum(_millionths(each.money, ROUND_CEILING) for each in takes),
        "most_contacts": min(_NO_LIMIT if each.most_contacts is None else each.most_contacts for each in takes),
        "most_money": min(_NO_LIMIT if each.most_money is None else _millionths(each.most_money, ROUND_FLOOR) for each in takes),
    }


def _millionths(money: float, rounding: str) -> int:
    """Of the number as it is written: 0.07 is exactly 70,000 of them, which its binary form is not."""
    return int((Decimal(repr(float(money))) * MILLION).to_integral_value(rounding))


@cache  # making a statement costs more than asking it
def _taking(dialect: str) -> Executable:
    """Adds to what was taken where that fits, and returns a row; returns none, and changes nothing, where it does not."""
    asked = {column.name: bindparam(column.name, type_=column.type) for column in BUDGETS.columns}
    most_contacts, most_money = (bindparam(name, type_=BigInteger) for name in ("most_contacts", "most_money"))
    fits_alone = (asked["contacts"] <= most_contacts) & (asked["money_millionths"] <= most_money)
    insert = insert_into(BUDGETS, dialect).from_select(list(asked), select(*asked.values()).where(fits_alone), include_defaults=False)
    sums = {name: BUDGETS.c[name] + insert.excluded[name] for name in ("contacts", "money_millionths")}
    fits = (sums["contacts"] <= most_contacts) & (sums["money_millionths"] <= most_money)
    upsert = insert.on_conflict_do_update(index_elements=list(BUDGETS.primary_key), set_=sums, where=fits)
    statement: Executable = upsert.returning(BUDGETS.c.contacts)
    return statement


_PERIOD = tuple_(BUDGETS.c.action_id, BUDGETS.c.period_start, types=[String, DateTime])
_TAKEN: Final = select(BUDGETS.c.action_id, BUDGETS.c.contacts, BUDGETS.c.money_millionths).where(
    _PERIOD.in_(bindparam("periods", expanding=True))
)
