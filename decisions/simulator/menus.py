"""What stood for choice in the simulated decisions, as the table tells it: the contract's candidates, each list of them once."""

import json
from typing import Any

import numpy as np

from decisions.decide_many import Decided
from decisions.decision import TERMS
from decisions.holdout import GROUPS
from decisions.policy import Policy
from decisions.simulator.behaviour import Ints
from features.contract import STAGES

_DIGITS = 9


class Menus:
    """The lists of candidates so far. A list holds the actions of a stage with what each gate says about them; many decisions share one."""

    def __init__(self, policy: Policy) -> None:
        gates, actions = policy.gates, policy.catalogue.actions
        self._policy = policy
        self._listed = np.array([[not action.stages or stage in action.stages for action in actions] for stage in STAGES])
        ways = self._listed[:, [way.action for way in gates.ways]]
        self._asked = np.array([gates.guards[own].any(axis=0) for own in ways])
        self._numbers: dict[bytes, int] = {}
        self.texts: list[str] = []

    def of(self, part: Decided) -> Ints:
        """The number of the list of each of these decisions."""
        stages = part.crowd.stages
        listed, weighed = self._listed[stages], part.chances.weighed
        failed = part.chances.failed & self._asked[stages]
        way = np.where(listed & part.chances.allowed, weighed.way, -1).astype(np.int16)
        told = np.stack([stages, part.groups], axis=1).astype(np.int16)
        keys = np.concatenate([np.packbits(failed, axis=1), way.view(np.uint8), told.view(np.uint8)], axis=1)
        return np.array([self._number(key.tobytes(), part, row) for row, key in enumerate(keys)], dtype=np.int64)

    def _number(self, key: bytes, part: Decided, row: int) -> int:
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.texts)
            self.texts.append(json.dumps(list(self._candidates(part, row)), ensure_ascii=False))
        return number

    def _candidates(self, part: Decided, row: int) -> list[dict[str, Any]]:
        chances, gates = part.chances, self._policy.gates
        failed, held = chances.failed[row].tolist(), GROUPS[part.groups[row]] == "no_action"
        found = []
        for place in np.flatnonzero(self._listed[part.crowd.stages[row]]).tolist():
            allowed = bool(chances.allowed[row, place])
            codes = [gates.gates[number].code for way in gates.ways_of[place] for number in gates.order[way] if failed[number]]
            found.append(
                {
                    "action_id": self._policy.catalogue.actions[place].action_id,
                    "allowed": allowed,
                    "reasons": [] if allowed else list(dict.fromkeys(codes)) + ["holdout"] * held,
                    "terms": {name: round(float(getattr(chances.weighed, name)[row, place]), _DIGITS) for name in TERMS},
                    "probability": float(chances.probability[row, place]),
                }
            )
        return found
