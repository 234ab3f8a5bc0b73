"""Which blend of members wins, by how many customers it learns from: shops drawn down to a few of their customers, measured on all of them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.churn_histories import Case
from benchmarks.churn_truth import truth
from features.contract import CUSTOMER_ID
from training import calibration
from training.churn import ChurnModel, ChurnRecipe
from training.churn_choice import CANDIDATES
from training.churn_members import BG_NBD, LOGISTIC, PARETO_NBD, TREES
from training.evaluation.classification import brier
from training.material import Material, gather

Floats = NDArray[np.float64]
SIZES: Final = (60, 150, 400, 1_200)
DRAWS: Final = 4
EVERY_MEMBER: Final = {TREES: 1.0, LOGISTIC: 1.0, BG_NBD: 1.0, PARETO_NBD: 1.0}


def small_table(cases: Iterable[Case], *, say: Callable[[str], None] = lambda _: None) -> str:
    """Mean Brier score on active customers by blend (rows) and number of customers learned from (columns), as Markdown."""
    found: list[dict[int, Mapping[str, float]]] = []
    for case in cases:
        material = gather(case.history.tables, case.as_of, case.horizon_days)
        known = truth(case.history.days, case.as_of, case.horizon_days).reindex(material.current[CUSTOMER_ID])
        found.append({size: _mean([_briers(_drawn(material, size, seed), material, known) for seed in range(DRAWS)]) for size in SIZES})
        say(case.name)
    head = f"| blend | {' | '.join(f'{size:,} customers' for size in SIZES)} |"
    means = {size: _mean([case[size] for case in found]) for size in SIZES}
    lines = [f"| {name} | {' | '.join(_cell(means[size], name) for size in SIZES)} |" for name in CANDIDATES]
    return "\n".join([head, "|" + "---|" * (1 + len(SIZES)), *lines])


def _cell(found: Mapping[str, float], name: str) -> str:
    least = min(found.values())
    said = f"{found[name]:.4f}".removeprefix("0")
    return f"**{said}**" if found[name] == least else said


def _drawn(material: Material, customers: int, seed: int) -> Material:
    """The same material of so many customers, drawn at random."""
    everybody = np.sort(material.current[CUSTOMER_ID].to_numpy(dtype=str))
    kept = np.random.default_rng(seed).choice(everybody, min(customers, len(everybody)), replace=False)
    panel, current = (table[table[CUSTOMER_ID].isin(kept)].reset_index(drop=True) for table in (material.panel, material.current))
    return Material(panel, current, material.cutoffs, material.as_of, material.horizon_days)


def _briers(drawn: Material, whole: Material, known: pd.DataFrame) -> Mapping[str, float]:
    """Brier scores of the candidates that learned from the drawn customers; a candidate without one of its members has what is left of it."""
    model = ChurnModel(ChurnRecipe(EVERY_MEMBER), threads=1)
    model.fit(drawn.panel, as_of=drawn.as_of, horizon_days=drawn.horizon_days, current=drawn.current)
    active = known["active"].to_numpy(bool)
    asked, churned = whole.current[active], known["churned"].to_numpy(float)[active]
    odds = {name: calibration.log_odds(member.predict(asked)) for name, member in model.members.items()}
    found = {}
    for name, weights in CANDIDATES.items():
        there = {member: weight for member, weight in weights.items() if member in odds} or {LOGISTIC: 1.0}
        z = sum(weight * odds.get(member, model.log_odds(asked)) for member, weight in there.items()) / sum(there.values())
        found[name] = brier(churned, calibration.probability(np.asarray(z)))
    return found


def _mean(found: list[Mapping[str, float]]) -> Mapping[str, float]:
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]}
