"""The worth of the journey's stages end to end: panel, backtest, model, model card, registry."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pandas as pd

from features.engine import Tables
from features.errors import InputError
from features.journey import Stages
from training.evaluation.gate import without_champion
from training.evaluation.report import markdown
from training.journey.backtest import JourneyBacktest, backtest_journey
from training.journey.gathering import gather_panel
from training.journey.panel import Panel
from training.journey.process import STRENGTH
from training.journey_value import CAUSAL_SHARE, GAIN_STRENGTH, KIND, LEAST_CUSTOMERS, LEAST_STEPS, MONTHS, JourneyValues
from training.model_card import Card, model_card
from training.registry import Registry
from training.trained import Evidence, Trained, submit

Row = dict[str, Any]
PROTOCOL = (
    "Learned from the first two thirds of the steps, asked about the last third: expected is what the model says a customer of the state brings in "
    "it, naive what its customers brought in the last step known times the number of steps, brought what came. bias is expected / brought over all "
    "customers, calibration_error the mean absolute error by state against the mean. The gate compares squared errors per customer with the mean of all."
)
LIMITS = (
    "A worth is what customers in a stage bring, not what bringing somebody there does: gains count half of a difference as the move's own, and that "
    "half is an assumption until an experiment says otherwise.",
    "leaving_share is confounded, either way: who unsubscribes may have been about to leave anyway, or reads more letters because they buy more; matching by "
    "stage and order count takes only part of that away.",
    "The money of orders that open a stage is not in the gain of moving there: it belongs to the outcome.",
    "What customers differ in beyond stage, order count and silence is set right by hindsight over the windows seen, which are shorter than 12 months.",
    "A season, or a growth, that the learned steps do not show shifts the level of all worths; their order suffers less.",
)


def train_journey(tables: Tables, registry: Registry, as_of: datetime, stages: Stages, *, data_hash: str = "") -> Trained:
    """Estimates what each stage is worth, from what was known before `as_of` and by the rules of these stages.

    Raises InputError where nobody bought: without orders no stage has a worth that could be counted.
    """
    panel = gather_panel(tables, as_of, stages)
    if panel.spent_a_year is None:
        problem = f"Nobody bought anything before {as_of:%Y-%m-%d %H:%M}: what a stage is worth is not known."
        raise InputError(problem, remedy="Bring in orders; until then decisions take the catalogue's values.")
    model, tested = JourneyValues().fit(panel, as_of=as_of), backtest_journey(panel)
    model.metrics = {"leaving_share": model.leaving_share, "unsubscribed": model.leaving_customers, **tested.metrics, **_losses(tested)}
    model.data_hash = data_hash
    verdict = without_champion(tested.losses, tested.naive, measure="squared error of money", rival="one and the same answer for everybody")
    parameters = {"months": MONTHS, "strength": STRENGTH, "causal_share": CAUSAL_SHARE, "gain_strength": GAIN_STRENGTH}
    card = model_card(_card(model, panel, tested, parameters), verdict)
    documents = {"model_card.md": card, "worths.csv": pd.DataFrame(worths(model)).to_csv(index=False)}
    tags = {"as_of": as_of.isoformat(), "data_hash": data_hash}
    trained = submit(registry, KIND, model, Evidence(parameters, model.metrics, tags, documents), verdict)
    return replace(trained, warnings=_warnings(model, panel), table=worths(model))


def worths(model: JourneyValues) -> Sequence[Row]:
    """One row per stage and order count that somebody was seen in, as people read it: stage, orders, customers, worth_12_months, known_by."""
    return [
        {
            "stage": stage,
            "orders": bucket,
            "customers": int(worth.n),
            "worth_12_months": round(worth.money, 2),
            "known_by": "prior" if worth.is_prior else "history",
        }
        for (stage, bucket), worth in model.values.items()
        if worth.n > 0
    ]


def _warnings(model: JourneyValues, panel: Panel) -> list[str]:
    found = []
    if panel.step_count < LEAST_STEPS or panel.customer_count < LEAST_CUSTOMERS:
        found.append(
            f"{panel.step_count} steps of {panel.customer_count} customers are too few (it needs {LEAST_STEPS} and {LEAST_CUSTOMERS}): "
            "every stage has the worth of the last year's mean, as a prior"
        )
    elif not any(bucket == "0" for _, bucket in model.values):
        found.append("without events, what comes before the first order is not known: awareness, consideration and decision have no worth")
    if not model.leaving_customers:
        found.append(f"nobody unsubscribed whom others could be compared with: {model.leaving_share:.0%} of a worth lost is a prior")
    return found


def _card(model: JourneyValues, panel: Panel, tested: JourneyBacktest, parameters: Row) -> Card:
    facts = {
        "known before": f"{model.as_of:%Y-%m-%d %H:%M}",
        "steps": f"{panel.step_count} of {panel.months_per_step:g} months, the first {panel.learned_from} only to tell who ordered before",
        "customers": f"{panel.customer_count:,}",
        "unsubscribed and compared": f"{model.leaving_customers:,.0f}",
    }
    facts |= {f"{row['stage']}, {row['orders']} orders": f"{row['worth_12_months']:,} ({row['known_by']})" for row in worths(model)}
    protocol = "There was too little history for a backtest."
    if not tested.table.empty:
        protocol = f"{PROTOCOL}\n\n{markdown(tested.table.set_index('stage'), digits=1)}"
    limits = [*_warnings(model, panel), *LIMITS]
    return Card("Journey", "The revenue a customer brings over 12 months, by stage.", facts, parameters, model.metrics, protocol, limits)


def _losses(tested: JourneyBacktest) -> dict[str, float]:
    if not len(tested.losses):
        return {}
    return {"backtest_loss": float(tested.losses.mean()), "backtest_loss_naive": float(tested.naive.mean())}
