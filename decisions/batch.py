"""The policy over many customers: a distribution over actions for each, from the same gates and the same arbitration as one by one."""

from collections.abc import Callable, Iterable, Sequence

import pandas as pd

from decisions import exploration
from decisions.decide import Judged, judge, probabilities
from decisions.holdout import in_holdout
from decisions.moment import moment_of
from decisions.policy import Policy
from decisions.situation import Ask, Situation

Spread = Callable[[Sequence[Judged]], Sequence[float]]


def score_actions(situations: Iterable[Situation], policy: Policy) -> pd.DataFrame:
    """The policy's best knowledge: the best allowed action with probability 1, equally good ones sharing it; no holdout, no exploration.

    One row per customer and action of the catalogue: customer_id, action_id, action_probability (sums to 1 per customer, 0 for what is not
    allowed), expected_value (money: response x value - cost, without context and lever; 0 for `no_action`).
    """
    return _table(_rows(each, policy, _greedy, held=False) for each in situations)


def score_actions_as_deployed(situations: Iterable[Situation], policy: Policy) -> pd.DataFrame:
    """The probabilities with which `decide` draws the first action, with holdout and exploration; columns as in `score_actions`."""

    def drawn(allowed: Sequence[Judged]) -> Sequence[float]:
        return probabilities(allowed, policy)

    return _table(_rows(each, policy, drawn, held=in_holdout(each.customer_id, policy.seed, policy.holdout_share)) for each in situations)


def _greedy(allowed: Sequence[Judged]) -> Sequence[float]:
    return [float(p) for p in exploration.greedy([each.terms.priority for each in allowed])]


def _rows(situation: Situation, policy: Policy, spread: Spread, *, held: bool) -> list[tuple[str, str, float, float]]:
    judged = judge(moment_of(situation, Ask(), policy.catalogue, policy.limits), policy, held=held)
    allowed = [each for each in judged if not each.forbidden]
    first = dict(zip((each.action.action_id for each in allowed), spread(allowed), strict=True))
    return [(situation.customer_id, j.action.action_id, first.get(j.action.action_id, 0.0), j.terms.expected_value) for j in judged]


def _table(rows: Iterable[list[tuple[str, str, float, float]]]) -> pd.DataFrame:
    columns = ["customer_id", "action_id", "action_probability", "expected_value"]
    frame = pd.DataFrame([row for each in rows for row in each], columns=columns)
    return frame.astype({"customer_id": "str", "action_id": "str", "action_probability": "float64", "expected_value": "float64"})
