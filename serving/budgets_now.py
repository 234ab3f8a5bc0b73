"""The shop's budgets as of now: what is left of each for a decision, and what a decision takes."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from decisions.budget_periods import period_start
from decisions.decision import Decision
from decisions.policy import Policy
from serving.state import budgets
from serving.state.budgets import BudgetTake, Period

Left = dict[str, tuple[float | None, float | None]]


def budgets_left(connection: Connection, policy: Policy, now: datetime, timezone: str) -> Left:
    """(contacts, money) that each action with a budget finds left in its period."""
    return dict(budgets.left(connection, periods(policy, now, timezone)))


def periods(policy: Policy, now: datetime, timezone: str) -> dict[str, Period]:
    """Each budget's period of now, and what there is in it."""
    known = policy.limits.budgets
    return {action_id: (period_start(budget, now, timezone), budget.contacts, budget.money) for action_id, budget in known.items()}


def after(left: Left, decision: Decision) -> Left:
    """What this decision leaves to the next one."""
    rest = dict(left)
    for each in decision.reservations:
        if each.kind == "budget" and each.what in rest:
            contacts, money = rest[each.what]
            rest[each.what] = (None if contacts is None else contacts - each.count, None if money is None else money - each.money)
    return rest


def takes(decision: Decision, policy: Policy, timezone: str) -> list[BudgetTake]:
    """What recording the decision takes."""
    known: Mapping[str, object] = policy.limits.budgets
    return [
        BudgetTake(
            each.what,
            period_start(policy.limits.budgets[each.what], decision.decided_at, timezone),
            each.count,
            each.money,
            policy.limits.budgets[each.what].contacts,
            policy.limits.budgets[each.what].money,
        )
        for each in decision.reservations
        if each.kind == "budget" and each.what in known
    ]
