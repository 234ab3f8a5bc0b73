"""The policy over many customers: a distribution over actions for each, from the same gates and the same arbitration as one by one."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
import pandas as pd

from decisions.crowd import crowd_of
from decisions.decide_many import PART, Decided, decide_many
from decisions.policy import Policy
from decisions.situation import Ask, Situation


def score_actions(situations: Iterable[Situation], policy: Policy) -> pd.DataFrame:
    """The policy's best knowledge: the best allowed action with probability 1, equally good ones sharing it; no holdout, exploration or quiet hours.

    One row per customer and action of the catalogue: customer_id, action_id, action_probability (sums to 1 per customer, 0 for what is not
    allowed), expected_value (money: response x value - cost, without context and lever; 0 for `no_action`). Budgets are not taken from.
    """
    known = replace(policy, holdout_share=0.0, random_share=0.0, limits=replace(policy.limits, quiet_hours=None, budgets={}))
    return _table(situations, known, greedily=True)


def score_actions_as_deployed(situations: Iterable[Situation], policy: Policy) -> pd.DataFrame:
    """The probabilities with which `decide` draws the first action, with holdout and exploration; columns as in `score_actions`."""
    return _table(situations, replace(policy, limits=replace(policy.limits, budgets={})), greedily=False)


def _table(situations: Iterable[Situation], policy: Policy, *, greedily: bool) -> pd.DataFrame:
    columns = ["customer_id", "action_id", "action_probability", "expected_value"]
    rest = iter(situations)
    groups = iter(lambda: tuple(islice(rest, PART)), ())
    parts = [_rows(part) for group in groups for part in _decided(group, policy, greedily=greedily)]
    empty = pd.DataFrame([], columns=columns)
    frame = pd.concat(parts, ignore_index=True) if parts else empty
    return frame.astype({"customer_id": "str", "action_id": "str", "action_probability": "float64", "expected_value": "float64"})


def _decided(situations: Sequence[Situation], policy: Policy, *, greedily: bool) -> Iterator[Decided]:
    return decide_many(crowd_of(situations, policy), Ask(), policy, [""] * len(situations), greedily=greedily)


def _rows(part: Decided) -> pd.DataFrame:
    weighed, actions = part.chances.weighed, part.policy.catalogue.actions
    value = weighed.response_probability * (1.0 + weighed.lift) * weighed.value - weighed.contact_cost - weighed.leaving_cost
    value[:, 0] = 0.0
    return pd.DataFrame(
        {
            "customer_id": np.repeat(np.asarray(part.crowd.customer_ids, dtype=object), len(actions)),
            "action_id": np.tile(np.asarray([action.action_id for action in actions], dtype=object), len(part.crowd)),
            "action_probability": part.chances.probability.ravel(),
            "expected_value": value.ravel(),
        }
    )
