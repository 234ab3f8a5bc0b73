"""Where decisions are made: reads somebody's situation and earlier decisions, with one policy, one set of models and one range of products."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from decisions.policy import Policy
from decisions.records import from_record
from decisions.situation import Situation
from features.errors import InputError
from serving.budgets_now import budgets_left
from serving.current import Current, Reader
from serving.decision_rows import Recorded, Subject, request_of
from serving.errors import ProblemError
from serving.older_policies import OlderPolicies
from serving.situations import Situations
from serving.state.policies import KeptPolicies


@dataclass(frozen=True)
class Desk:
    """What decides, without what records. `older` finds the policies of earlier decisions, `kept` stores those of new ones."""

    reader: Reader
    situations: Situations
    older: OlderPolicies
    kept: KeptPolicies = field(default_factory=KeptPolicies)

    @property
    def policy(self) -> Policy:
        """What is decided by."""
        return self.situations.policy

    def read(self, connection: Connection, subject: Subject, now: datetime) -> tuple[Current, Situation]:
        """The subject as of now, and the situation to decide on."""
        current = self.current(connection, subject, now)
        return current, self.situations.of(current, budgets_left(connection, self.policy, now, current.shop.habits.timezone))

    def current(self, connection: Connection, subject: Subject, now: datetime) -> Current:
        """The subject as of now."""
        if subject.customer_id is not None:
            return self.reader.customer(connection, subject.customer_id, now)
        return self.reader.visitor(connection, subject.visitor_id or "", now)

    def recorded(self, connection: Connection, row: Mapping[str, Any]) -> Recorded:
        """The decision that a stored row holds; without the policy that made it, gates have their codes alone."""
        policy = self.older.find(connection, row["policy_version"])
        try:
            decision = from_record(row["record"], None if isinstance(policy, str) else policy)
        except InputError as error:
            raise ProblemError(409, error.problem, remedy=error.remedy, kind="unreadable-record") from error
        return Recorded(decision, bool(request_of(row).get("known", True)))

    def keep(self, connection: Connection, at: datetime) -> None:
        """Stores the policy in this transaction, which records what it decided."""
        self.kept.keep(connection, self.policy.version, self.policy.to_plain, at)
