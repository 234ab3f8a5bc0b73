"""The policies that decided, kept whole: a decision of an older catalogue or model can still be made again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from weakref import WeakSet

from sqlalchemy import Connection, select

from serving.state.inserts import insert_new
from serving.state.tables import POLICIES


@dataclass(frozen=True)
class KeptPolicies:
    """What one server knows of the policies in its state database: those that were seen there are not written again."""

    _seen: set[str] = field(default_factory=set, repr=False)
    _bringing: WeakSet[Any] = field(default_factory=WeakSet, repr=False)

    def keep(self, connection: Connection, version: str, record: Callable[[], Mapping[str, Any]], at: datetime) -> None:
        """Stores what `record` gives (plain data) under this version, unless one is stored: the first one stays.

        Only a version that another transaction brought counts as seen: this one, which others may share, may yet be rolled back.
        """
        if version in self._seen:
            return
        transaction = connection.get_transaction()
        if insert_new(connection, POLICIES, [{"policy_version": version, "record": dict(record()), "recorded_at": at}]):
            self._bringing.add(transaction)
        elif transaction not in self._bringing:
            self._seen.add(version)


def find(connection: Connection, version: str) -> dict[str, Any] | None:
    """The policy of this version as it was stored; None where it recorded nothing."""
    found: dict[str, Any] | None = connection.execute(select(POLICIES.c.record).where(POLICIES.c.policy_version == version)).scalar()
    return found
