"""The states of the journey's chain: a stage, and how often somebody ordered so far."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.contract import STAGES

State = tuple[str, str]
"""(stage, bucket of the order count)"""

BUCKETS: Final = ("0", "1", "2-3", "4+")
_FIRST_OF_BUCKET: Final = (1.0, 2.0, 4.0)
SILENCES: Final = (0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0)
"""Steps since the last order, from each of these on. Only the chain knows them: what is asked for is a stage and an order count."""
STATES: Final[tuple[State, ...]] = tuple((stage, bucket) for bucket in BUCKETS for stage in STAGES)
STAGES_COUNT: Final = len(STAGES)
BEFORE_ORDERS: Final = STAGES[: STAGES.index("purchase") + 1]
"""Stages whose order says how near a customer is to an order: a later one is forward."""


def bucket_of(order_count: float) -> str:
    """The bucket of an order count; an unknown count (NaN) is none so far."""
    return BUCKETS[0] if order_count != order_count else BUCKETS[int(np.searchsorted(_FIRST_OF_BUCKET, order_count, side="right"))]


def state_codes(stages: NDArray[np.str_], order_counts: NDArray[np.float64]) -> NDArray[np.int8]:
    """Each row's place in STATES."""
    stage = np.searchsorted(np.sort(STAGES), stages)
    place = np.argsort(STAGES)[stage]
    bucket = np.searchsorted(_FIRST_OF_BUCKET, np.nan_to_num(order_counts), side="right")
    return (bucket * len(STAGES) + place).astype(np.int8)


def silence_codes(steps: NDArray[np.float64]) -> NDArray[np.int8]:
    """Each one's place in SILENCES; nobody's last order (NaN) is the first."""
    return (np.searchsorted(SILENCES, np.nan_to_num(steps), side="right") - 1).astype(np.int8)


def moves_forward(stage: str, to_stage: str) -> bool:
    """Whether the move leads nearer to an order: awareness, consideration, decision, purchase."""
    return to_stage in BEFORE_ORDERS and stage in BEFORE_ORDERS and BEFORE_ORDERS.index(to_stage) > BEFORE_ORDERS.index(stage)
