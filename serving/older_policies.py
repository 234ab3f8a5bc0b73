"""The policies of earlier decisions, made again from what is kept of them, so that an old decision can be shown and replayed whole."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection

from decisions.policy import Policy, policy_from_plain
from features.errors import InputError
from serving.state import policies

MOST: Final = 8
"""Policies that are held in memory, those used last."""


@dataclass
class OlderPolicies:
    """Finds policies by version: the one in use, or one that is kept."""

    current: Policy
    _known: OrderedDict[str, Policy] = field(default_factory=OrderedDict, repr=False)
    _one: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def find(self, connection: Connection, version: str) -> Policy | str:
        """The policy of this version, or why it cannot be had."""
        if version == self.current.version:
            return self.current
        with self._one:
            if version not in self._known:
                made = _made(connection, version)
                if isinstance(made, str):
                    return made
                self._known[version] = made
                while len(self._known) > MOST:
                    self._known.popitem(last=False)
            self._known.move_to_end(version)
            return self._known[version]


def _made(connection: Connection, version: str) -> Policy | str:
    try:
        plain = policies.find(connection, version)
        if plain is None:
            return f"The policy {version} that made it is not kept."
        found = policy_from_plain(plain)
        same = found.version == version
    except InputError as error:
        return f"{error.problem} {error.remedy}"
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        return f"The policy {version} that made it was changed where it is kept: it is not whole ({error!r})."
    return found if same else f"The policy {version} that made it was changed where it is kept, or by another version of the program."
