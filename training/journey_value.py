"""What a stage of the journey is worth: the revenue that a customer in it brings over the next 12 months, from the shop's own histories.

A Markov reward process with a finite horizon over (stage, order count): the chain is not Markov in the stage alone, since who ordered four times
goes another way than who ordered once. Nothing is absorbing: who is silent stays in their state and may return; leaving is a definition, not a
state. `training.journey.process` has the equations, `training.journey.panel` the histories.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from training import artifacts
from training.journey.leaving import PRIOR_SHARE, leaving_share
from training.journey.panel import ABSENT, Panel
from training.journey.process import STRENGTH, Floats, Places, customers_by, estimated, hindsight, places
from training.journey.states import BUCKETS, SILENCES, STATES, State, bucket_of, moves_forward

KIND: Final = "journey"
MONTHS: Final = 12
LEAST_STEPS: Final = 3
LEAST_CUSTOMERS: Final = 50
LEAST_MONTHS: Final = 5.0  # worths from a shorter history are called priors
CAUSAL_SHARE: Final = 0.5
"""Of a difference between two stages this share is believed to come with the move; the rest is who gets there (an assumption)."""
GAIN_STRENGTH: Final = 50.0  # that a move changes nothing counts like this many customers


@dataclass(frozen=True)
class Worth:
    """`money`: revenue expected over `months` from now; `n`: customers seen in the state; `is_prior`: others say more of it than they do."""

    money: float
    months: float
    n: float
    is_prior: bool


class JourneyValues:
    """Revenue expected over 12 months by stage and order count, what a move to another stage gains, and what an unsubscription loses."""

    as_of: datetime

    def __init__(self) -> None:
        self.values: dict[State, Worth] = {}
        self.after_order: dict[str, Worth] = {}
        self.leaving_share = PRIOR_SHARE
        self.leaving_customers = 0.0
        self.months_per_step = 1.0
        self.step_count = 0
        self.metrics: dict[str, float] = {}
        self.data_hash = ""
        self.version: str | None = None

    def fit(self, panel: Panel, *, as_of: datetime, months: float = MONTHS) -> Self:
        """Learns from a panel (`training.journey.panel`).

        With fewer than LEAST_STEPS steps or LEAST_CUSTOMERS customers every worth is a prior: what a customer brought in the last year, the same
        for the states seen now. Without orders nothing has a worth.
        """
        self.as_of, self.months_per_step, self.step_count = as_of, panel.months_per_step, panel.step_count
        steps = round(months / panel.months_per_step)
        self.leaving_share, self.leaving_customers = leaving_share(panel, steps=steps)
        if panel.step_count < LEAST_STEPS or panel.customer_count < LEAST_CUSTOMERS:
            self.values, self.after_order = _believed(panel, months), {}
        else:
            process = estimated(panel)
            money = process.values(steps) * np.repeat(hindsight(panel, process, steps), len(SILENCES))
            self.values, self.after_order = _worths(panel, money, months), _after_order(panel, money, months)
        return self

    def worth(self, stage: str, order_count: float) -> float | None:
        """Revenue over the next 12 months of somebody in this stage with so many orders; None where nothing is known of either."""
        found = self.values.get((stage, bucket_of(order_count)))
        return None if found is None else found.money

    def gain(self, stage: str, order_count: float, to_stage: str) -> tuple[float, bool] | None:
        """Revenue gained over 12 months by moving there, and whether that is a prior; None where the worth of either side is not known.

        CAUSAL_SHARE x n / (n + GAIN_STRENGTH) x `difference`, with n the customers seen on the side where fewer were: part of a difference between
        stages is who gets there, not what getting there does, and few customers prove little. A move forward, towards an order, is worth 0 at
        least: a negative difference there comes from that selection, or because the order that is still ahead counts in the worth before
        the move and no more in the worth after it; sending people back is nothing to pay for. The money of the move itself (the order) is not in it.
        """
        ends = self._ends(stage, order_count, to_stage)
        if ends is None:
            return None
        here, there = ends
        seen = min(here.n, there.n)
        money = CAUSAL_SHARE * seen / (seen + GAIN_STRENGTH) * (there.money - here.money) + 0.0
        return max(money, 0.0) if moves_forward(stage, to_stage) else money, here.is_prior or there.is_prior

    def difference(self, stage: str, order_count: float, to_stage: str) -> float | None:
        """V(to_stage) - V(stage) as estimated, not shrunk; None where the worth of either side is not known.

        The order count stays, except that purchase is reached by an order: from none it is the first, and purchase with one order is the place.
        Who has ordered before does not become new again: they stand where customers with one order more stand who have just ordered.
        """
        ends = self._ends(stage, order_count, to_stage)
        return None if ends is None else ends[1].money - ends[0].money

    def to_plain(self) -> dict[str, Any]:
        """The whole model as JSON data: `from_plain` gives back an equal one."""
        return {
            "as_of": self.as_of.isoformat(),
            "values": [[*state, *_row(worth)] for state, worth in self.values.items()],
            "after_order": [[bucket, *_row(worth)] for bucket, worth in self.after_order.items()],
            "leaving_share": self.leaving_share,
            "leaving_customers": self.leaving_customers,
            "months_per_step": self.months_per_step,
            "step_count": self.step_count,
            "metrics": dict(self.metrics),
            "data_hash": self.data_hash,
            "version": self.version,
        }

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> Self:
        """The model that `to_plain` described."""
        model = cls()
        model.as_of = datetime.fromisoformat(data["as_of"])
        model.values = {(stage, bucket): Worth(*rest) for stage, bucket, *rest in data["values"]}
        model.after_order = {bucket: Worth(*rest) for bucket, *rest in data["after_order"]}
        model.leaving_share, model.leaving_customers = data["leaving_share"], data["leaving_customers"]
        model.months_per_step, model.step_count = data["months_per_step"], data["step_count"]
        model.metrics, model.data_hash, model.version = dict(data["metrics"]), data["data_hash"], data["version"]
        return model

    def save(self, folder: Path) -> None:
        """Writes the model into an existing, empty folder."""
        plain = self.to_plain()
        del plain["version"]  # the registry's to give
        header = {
            "kind": KIND,
            "horizon_days": None,
            "parameters": {"months": MONTHS, "strength": STRENGTH, "causal_share": CAUSAL_SHARE, "gain_strength": GAIN_STRENGTH},
            **plain,
        }
        artifacts.write_model(folder, header)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote. Raises InputError where the folder is damaged or holds another kind."""
        read = artifacts.read_model(folder, KIND)
        return cls.from_plain({"version": None, **read})

    def _ends(self, stage: str, order_count: float, to_stage: str) -> tuple[Worth, Worth] | None:
        bucket = bucket_of(order_count)
        here, there = self.values.get((stage, bucket)), self.values.get((to_stage, bucket))
        if to_stage == "purchase" and stage != to_stage:
            after = 1.0 if order_count != order_count else order_count + 1.0
            there = self.values.get((to_stage, bucket_of(after))) if bucket == BUCKETS[0] else self.after_order.get(bucket_of(after))
        return None if here is None or there is None else (here, there)


def _row(worth: Worth) -> list[Any]:
    return list(asdict(worth).values())


def _worths(panel: Panel, money: Floats, months: float) -> dict[State, Worth]:
    """The worth of every state whose stage and whose order count were seen; of others nothing is known.

    It is the mean over those who are in the state now; few of them are drawn to those who were in it before. A state that nobody was in has the
    mean of its order count.
    """
    chain = places(panel)[:, panel.learned_from :]
    before, now = _mean_by_state(chain[:, :-1], money), _mean_by_state(chain[:, -1:], money)
    seen = {STATES[i] for i in np.flatnonzero(before.n + now.n)}
    stages, buckets = {stage for stage, _ in seen}, {bucket for _, bucket in seen}
    customers, short = _mean_by_state(chain, money).n, _too_short(panel)
    found = {}
    for i, state in enumerate(STATES):
        if state[0] in stages and state[1] in buckets:
            usual = before.mean[i] if before.n[i] else _mean_of_bucket(state[1], chain, money)
            mean = (now.n[i] * now.mean[i] + STRENGTH * usual) / (now.n[i] + STRENGTH)
            found[state] = Worth(float(mean), months, float(customers[i]), short or bool(customers[i] < STRENGTH))
    return found


def _too_short(panel: Panel) -> bool:
    """Whether so little of a year was seen that its worth is an extrapolation."""
    return panel.step_count * panel.months_per_step < LEAST_MONTHS


@dataclass(frozen=True)
class _Means:
    mean: Floats
    n: Floats


def _mean_by_state(chain: Places, money: Floats) -> _Means:
    """Per (stage, order count): the mean money of the rows that are in it, and the number of their customers."""
    known = chain != ABSENT
    state, size = chain[known] // len(SILENCES), len(STATES)
    sums, rows = np.bincount(state, money[chain[known]], minlength=size), np.bincount(state, minlength=size)
    return _Means(sums / np.maximum(rows, 1), customers_by(state, np.nonzero(known)[0], size))


def _mean_of_bucket(bucket: str, chain: Places, money: Floats) -> float:
    inside = np.isin(chain, _places_of(bucket))
    return float(money[chain[inside]].mean())


def _places_of(bucket: str) -> list[int]:
    return [i * len(SILENCES) + j for i, state in enumerate(STATES) if state[1] == bucket for j in range(len(SILENCES))]


def _after_order(panel: Panel, money: Floats, months: float) -> dict[str, Worth]:
    """By bucket of the order count: the mean worth of the states of the chain in which customers stand who ordered in the step before."""
    first, chain = panel.learned_from, places(panel)
    ordered = (panel.order_counts[:, first + 1 :] > panel.order_counts[:, first:-1]) & (chain[:, first + 1 :] != ABSENT)
    rows, landed = np.nonzero(ordered)[0], chain[:, first + 1 :][ordered]
    found = {}
    for bucket in BUCKETS:
        here = np.isin(landed, _places_of(bucket))
        n = float(len(np.unique(rows[here])))
        if n:
            found[bucket] = Worth(float(money[landed[here]].mean()), months, n, n < STRENGTH or _too_short(panel))
    return found


def _believed(panel: Panel, months: float) -> dict[State, Worth]:
    """The same worth for every state that somebody is in now: no difference between them is known."""
    if panel.spent_a_year is None:
        return {}
    now = panel.states[:, -1]
    present = [STATES[i] for i in np.unique(now[now != ABSENT])]
    return {state: Worth(panel.spent_a_year * months / 12, months, float((now == STATES.index(state)).sum()), True) for state in present}
