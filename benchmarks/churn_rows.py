"""One row of the churn benchmark: rivals and ours trained on what was known at the cut-off, measured on what came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.churn_histories import Case
from benchmarks.churn_rivals import churn_rivals, next_order_rivals, spend_rivals
from benchmarks.churn_truth import truth
from features.contract import CUSTOMER_ID
from training import calibration
from training.evaluation.classification import auc, brier
from training.evaluation.gate import difference
from training.evaluation.intervals import Interval, calibration_interval
from training.evaluation.lifetime_value import bias, median_error, normalised_gini, share_within
from training.material import Material, gather
from training.recipes import fitted_churn, fitted_value

Floats = NDArray[np.float64]
OURS: Final = "ours"
DATES: Final = ("expected_next_order_from", "expected_next_order_on", "expected_next_order_until")
AUC_SLACK: Final = 0.003
BRIER_SLACK: Final = 0.001
KEPT: Final = "kept"


@dataclass(frozen=True)
class Found:
    """How well one model ranks (AUC) and how far off it is (Brier score)."""

    auc: float
    brier: float


@dataclass(frozen=True)
class ChurnRow:
    """The active customers of one case: what happened, everybody's probabilities by model, and which blend ours was."""

    name: str
    churned: Floats
    probabilities: Mapping[str, Floats]
    blend: str

    @property
    def found(self) -> dict[str, Found]:
        """AUC and Brier score by model."""
        return {name: Found(auc(self.churned, p), brier(self.churned, p)) for name, p in self.probabilities.items()}

    @property
    def calibration(self) -> Interval:
        """Our expected calibration error, with the 95 % range of a perfectly calibrated model on the same customers."""
        return calibration_interval(self.churned, self.probabilities[OURS], np.random.default_rng(20), draws=400)

    @property
    def verdict(self) -> str:
        """By the rule of `verdict_of`; where it is broken, with the standard error of the difference in Brier score from the best rival."""
        said, found = verdict_of(self.found), self.found
        best = min((name for name in found if name != OURS), key=lambda name: found[name].brier)
        ours, rival = ((self.probabilities[name] - self.churned) ** 2 for name in (OURS, best))
        error = difference(ours, rival).standard_error
        return said if said == KEPT else f"{said}; standard error of the difference in Brier score {error:.4f}"


@dataclass(frozen=True)
class ValueRow:
    """Everybody's spend within the horizon, normalised Gini and bias by model; days to the next order of those who ordered, median error by model."""

    name: str
    spend: Mapping[str, tuple[float, float]]
    next_order: Mapping[str, float]
    coverage: float
    ordered: int


def verdict_of(found: Mapping[str, Found]) -> str:
    """KEPT, where ours is not worse than the best rival by more than AUC_SLACK or BRIER_SLACK; otherwise by how much, and than whom."""
    rivals, ours = {name: f for name, f in found.items() if name != OURS}, found[OURS]
    ranks, errs = max(rivals, key=lambda n: rivals[n].auc), min(rivals, key=lambda n: rivals[n].brier)
    said = []
    if ours.auc < rivals[ranks].auc - AUC_SLACK:
        said.append(f"AUC {ours.auc - rivals[ranks].auc:+.4f} than {ranks}")
    if ours.brier > rivals[errs].brier + BRIER_SLACK:
        said.append(f"Brier {ours.brier - rivals[errs].brier:+.4f} than {errs}")
    return "; ".join(said) or KEPT


def at_level(churned: Floats, probability: Floats) -> Floats:
    """The probabilities after the one shift of their log odds that makes their mean the share that churned."""
    z = calibration.log_odds(probability)
    return calibration.probability(z + calibration.level_shift(z, float(churned.mean())))


def mean_gains(found: Sequence[Mapping[str, Found]]) -> dict[str, Found]:
    """By rival: how much ours is better on average over rows (AUC higher, Brier score lower); above zero is better in both."""
    rivals = [name for name in found[0] if name != OURS]
    return {
        name: Found(
            float(np.mean([row[OURS].auc - row[name].auc for row in found])),
            float(np.mean([row[name].brier - row[OURS].brier for row in found])),
        )
        for name in rivals
    }


def measured_rows(case: Case, *, trials: int, threads: int) -> tuple[ChurnRow, ValueRow]:
    """Trains everything as of the case's cut-off, and measures it on what came after."""
    material = gather(case.history.tables, case.as_of, case.horizon_days)
    known = _aligned(truth(case.history.days, case.as_of, case.horizon_days), material)
    return _churn_row(case, material, known, trials, threads), _value_row(case, material, known, threads)


def row_json(churn: ChurnRow, value: ValueRow) -> dict[str, Any]:
    """Every figure of a case."""
    return {
        "case": churn.name,
        "customers": len(churn.churned),
        "churn_rate": float(churn.churned.mean()),
        "churn": {name: vars(found) for name, found in churn.found.items()},
        "blend": churn.blend,
        "calibration": vars(churn.calibration),
        "verdict": churn.verdict,
        "spend": {name: {"gini": gini, "bias": off} for name, (gini, off) in value.spend.items()},
        "next_order_median_error_days": dict(value.next_order),
        "next_order_coverage": value.coverage,
        "ordered": value.ordered,
    }


def _aligned(known: pd.DataFrame, material: Material) -> pd.DataFrame:
    """The truth of everybody in the material, row by row; ends the run where the two do not know the same customers."""
    customers = material.current[CUSTOMER_ID]
    if lost := set(known.index) - set(customers):
        raise SystemExit(f"{len(lost):,} of {len(known):,} customers have no features, e.g. {sorted(lost)[0]}.")
    return known.reindex(customers)


def _churn_row(case: Case, material: Material, known: pd.DataFrame, trials: int, threads: int) -> ChurnRow:
    active, rivals = known["active"].to_numpy(bool), churn_rivals(material)
    model, tested = fitted_churn(material, trials=trials, threads=threads)
    everybody = {**rivals, OURS: model.predict(material.current)}
    blend = tested.why.split(":")[0] or "default"
    calibrated = "" if model.recipe.calibrator is None else f", {type(model.recipe.calibrator).__name__}"
    counted = {name: p[active] for name, p in everybody.items()}
    return ChurnRow(case.name, known["churned"].to_numpy(float)[active], counted, blend + calibrated)


def _value_row(case: Case, material: Material, known: pd.DataFrame, threads: int) -> ValueRow:
    model, _ = fitted_value(material, threads=threads)
    ours = model.predict(material.current)
    expected = {OURS: ours["expected_spend"].to_numpy(float), **spend_rivals(material, known)}
    spent = known["spend"].to_numpy(float)
    came = known["days_to_next_order"].notna().to_numpy(bool)
    actual, dates = known["days_to_next_order"].to_numpy(float)[came], ours.loc[came, list(DATES)]
    low, due_in, high = ((dates[name] - pd.Timestamp(case.as_of)).dt.days.to_numpy(float) for name in DATES)
    due = {OURS: due_in, **{name: when[came] for name, when in next_order_rivals(material, known).items()}}
    return ValueRow(
        case.name,
        {name: (normalised_gini(spent, e), bias(spent, e)) for name, e in expected.items()},
        {name: median_error(actual, when) for name, when in due.items()},
        share_within(actual, low, high),
        int(came.sum()),
    )
