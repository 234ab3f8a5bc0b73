"""What forbids the actions of a policy: the reasons of the gates that failed, looked up by which these are, since many customers share few patterns."""

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from decisions.gates import LAYERS, Gates
from decisions.reasons import Reason, reason

Flags = NDArray[np.bool_]
HOLDOUT: Final = reason("holdout")
CONSENT: Final = LAYERS.index("consent")
MOST_PATTERNS: Final = 50_000
"""Patterns that are kept, some hundred bytes each; then they are forgotten and learned anew."""


class Forbidding:
    """The reasons of one policy's gates, action by action."""

    def __init__(self, gates: Gates) -> None:
        self._gates = gates
        mine = [[number for way in ways for number in gates.order[way]] for ways in gates.ways_of]
        ends = np.cumsum([len(numbers) for numbers in mine]).tolist()
        self._asked = np.array([number for numbers in mine for number in numbers], dtype=np.int64)
        self._spans = tuple(slice(end - len(numbers), end) for end, numbers in zip(ends, mine, strict=True))
        self._known: dict[tuple[int, bytes], tuple[Reason, ...]] = {}

    def reasons(self, failed: Flags, places: Sequence[int], refused: Sequence[Reason | None], *, held: bool) -> list[tuple[Reason, ...]]:
        """What forbids the actions at these places, where these gates fail (U,): way by way, in the order of the layers.

        `refused` says per way why it is not what was asked for, which belongs to applicability; `held` that the customer gets no action, which
        belongs to consent.
        """
        if held or any(refused):
            names = failed.tolist()
            return [self._found(self._gates.ways_of[place], names, refused, held=held) for place in places]
        told = failed[self._asked].tobytes()
        return [self._looked_up(place, told[self._spans[place]], failed) for place in places]

    def _looked_up(self, place: int, pattern: bytes, failed: Flags) -> tuple[Reason, ...]:
        found = self._known.get((place, pattern))
        if found is None:
            ways = self._gates.ways_of[place]
            found = self._found(ways, failed.tolist(), (None,) * len(self._gates.ways), held=False)
            if len(self._known) >= MOST_PATTERNS:
                self._known.clear()
            self._known[place, pattern] = found
        return found

    def _found(self, ways: Sequence[int], failed: Sequence[bool], refused: Sequence[Reason | None], *, held: bool) -> tuple[Reason, ...]:
        gates, found = self._gates, list[Reason]()
        for way in ways:
            own = [number for number in gates.order[way] if failed[number]]
            eligible = bisect_right(own, 0, key=gates.layer.__getitem__)
            consented = bisect_right(own, CONSENT, key=gates.layer.__getitem__)
            reasons = [gates.reasons[number] for number in own]
            not_asked = refused[way]
            found += reasons[:eligible] + ([] if not_asked is None else [not_asked]) + reasons[eligible:consented]
            found += [HOLDOUT] * held + reasons[consented:]
        return tuple(dict.fromkeys(found))


@lru_cache(maxsize=16)
def forbidding(gates: Gates) -> Forbidding:
    """What forbids by these gates."""
    return Forbidding(gates)
