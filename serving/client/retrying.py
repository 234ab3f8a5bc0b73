"""When to ask again: nothing that this client asks is doubled by it, so whatever may pass is tried again."""

import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

PASSING: Final = frozenset({429, 502, 503, 504})
"""Answers that say: not now."""

Outcome = httpx.Response | httpx.TransportError
_HOPELESS: Final = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)


@dataclass(frozen=True)
class Retrying:
    """At most so many attempts, none begun after so many seconds. Waits double from the first to the longest, half of each drawn at random.

    Where the server says when to come again (Retry-After), no attempt is made before.
    """

    attempts: int = 5
    seconds: float = 30.0
    first_wait: float = 0.1
    longest_wait: float = 5.0


class Tries:
    """The attempts at one call."""

    def __init__(self, retrying: Retrying) -> None:
        self.made = 0
        self._retrying = retrying
        self._until = time.monotonic() + retrying.seconds

    def wait_after(self, outcome: Outcome) -> float | None:
        """How many seconds to wait before the next attempt; None where this outcome is the last."""
        self.made += 1
        if self.made >= self._retrying.attempts or not _may_pass(outcome):
            return None
        longest = min(self._retrying.longest_wait, self._retrying.first_wait * 2 ** (self.made - 1))
        drawn = longest * random.uniform(0.5, 1.0)  # noqa: S311  # so that many clients do not come back together
        wait = drawn + _asked_to_wait(outcome)
        return wait if time.monotonic() + wait <= self._until else None


def _may_pass(outcome: Outcome) -> bool:
    if isinstance(outcome, httpx.Response):
        return outcome.status_code in PASSING
    return not isinstance(outcome, _HOPELESS)


def _asked_to_wait(outcome: Outcome) -> float:
    """The seconds of Retry-After, which may be a time; 0 where there is none, or none that can be read."""
    given = outcome.headers.get("Retry-After", "").strip() if isinstance(outcome, httpx.Response) else ""
    if given.isdigit():
        return float(given)
    try:
        at = parsedate_to_datetime(given)
    except ValueError:
        return 0.0
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
