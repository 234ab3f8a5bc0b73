"""Named models end to end: material, backtest, fit on everything, model card, registry, verdict."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contacts import response_table
from features.engine import Tables
from features.errors import InputError
from training.boosting import PARAMETERS
from training.churn import ChurnModel
from training.churn_backtest import ChurnBacktest, backtest
from training.evaluation.gate import FEW, Verdict, against_champion, against_record, unproven, without_champion
from training.evaluation.report import markdown
from training.material import Material, gather
from training.minimum import shop_lacks
from training.model_card import Card, model_card
from training.registry import Registry, Version
from training.response import ResponseModel
from training.response_backtest import ResponseBacktest, backtest_response, backtest_since
from training.trained import Evidence, Trained, submit
from training.tuning import Report, tune
from training.value import ValueModel
from training.value_backtest import ValueBacktest, backtest_value

Floats = NDArray[np.float64]
Model = TypeVar("Model", ChurnModel, ValueModel)
LOSS: Final = "backtest_loss"
NAIVE_LOSS: Final = "backtest_loss_naive"
TRIALS: Final = 6  # shapes of trees compared unless told: the usual one rarely loses
CALIBRATED: Final = ", calibrated by what the earlier ones showed, and is measured so; what serves was then calibrated on all of them"


def fitted_churn(
    material: Material, *, trials: int = TRIALS, threads: int = 0, report: Report = lambda _: None
) -> tuple[ChurnModel, ChurnBacktest]:
    """The automatic configuration of churn: trees tuned, the blend chosen by a backtest, then fitted on everything."""
    panel, horizon_days = material.panel, material.horizon_days
    shape = tune(panel, horizon_days=horizon_days, trials=trials, threads=threads, report=report)
    tested = backtest(panel, horizon_days=horizon_days, shape=shape, threads=threads)
    model = ChurnModel(tested.recipe, threads=threads)
    model.fit(panel, as_of=material.as_of, horizon_days=horizon_days, current=material.current)
    model.lacks = shop_lacks(panel, material.current, horizon_days)
    return model, tested


def fitted_value(material: Material, *, threads: int = 0) -> tuple[ValueModel, ValueBacktest]:
    """The automatic configuration of value: blends chosen by a backtest, then fitted on everything."""
    tested = backtest_value(material.panel, horizon_days=material.horizon_days, threads=threads)
    model = ValueModel(tested.recipe, threads=threads)
    return model.fit(material.panel, as_of=material.as_of, horizon_days=material.horizon_days, current=material.current), tested


def train_churn(
    tables: Tables,
    registry: Registry,
    as_of: datetime,
    horizon_days: int | None = None,
    *,
    trials: int = TRIALS,
    data_hash: str = "",
    threads: int = 0,
    report: Report = lambda _: None,
) -> Trained:
    """Trains P(no purchase within the horizon) on what was known before `as_of`, and promotes it if its backtest allows.

    Without `horizon_days`, the horizon fits the shop's rhythm. `trials` shapes of trees are compared (`training.tuning`); `report` is told
    how many are done. Raises InputError where the history is too short.
    """
    material = gather(tables, as_of, horizon_days)
    model, tested = fitted_churn(material, trials=trials, threads=threads, report=report)
    losses, naive = (tested.chosen - tested.churned) ** 2, (tested.naive - tested.churned) ** 2
    model.metrics, model.data_hash = {**tested.metrics, **_losses(losses, naive)}, data_hash
    rival = _churn_champion(registry, material, tested)
    verdict = _verdict(registry, "churn", material, losses, naive, rival, "Brier score")
    parameters = {
        "members": ", ".join(model.members) or "base rate",
        "rounds": tested.recipe.rounds,
        **PARAMETERS,
        **tested.recipe.shape,
        "trials": trials,
    }
    calibrator = tested.recipe.calibrator
    parameters["calibrator"] = "none" if calibrator is None else type(calibrator).__name__
    card = model_card(_churn_card(material, parameters, model, tested), verdict)
    documents = {"model_card.md": card, "backtest.csv": tested.table.to_csv()}
    evidence = Evidence(parameters, model.metrics, _tags(material, data_hash), documents)
    return replace(submit(registry, "churn", model, evidence, verdict), warnings=model.lacks)


def train_value(
    tables: Tables, registry: Registry, as_of: datetime, horizon_days: int | None = None, *, data_hash: str = "", threads: int = 0
) -> Trained:
    """Trains expected orders and spend within the horizon and over a year, as `train_churn` does."""
    material = gather(tables, as_of, horizon_days)
    model, tested = fitted_value(material, threads=threads)
    model.metrics, model.data_hash = {**tested.metrics, **_losses(tested.losses, tested.naive)}, data_hash
    rival = _value_champion(registry, material, tested)
    verdict = _verdict(registry, "value", material, tested.losses, tested.naive, rival, "Tweedie deviance")
    card = model_card(_value_card(material, model.parameters, model.metrics, tested), verdict)
    evidence = Evidence(model.parameters, model.metrics, _tags(material, data_hash), {"model_card.md": card})
    return submit(registry, "value", model, evidence, verdict)


def train_response(tables: Tables, registry: Registry, as_of: datetime, priors: Mapping[str, float], *, data_hash: str = "") -> Trained:
    """Trains the rates at which actions are answered, by action and stage, from decisions whose outcome window is over.

    `priors` are the catalogue's, by action; without a single decision the model is the priors.
    """
    table = response_table(tables, as_of)
    model = ResponseModel().fit(table, priors, as_of=as_of)
    tested = backtest_response(table, priors)
    model.metrics = {"decisions": float(len(table)), "answered": float(table["answered"].sum()), **_losses(tested.losses, tested.naive)}
    model.data_hash = data_hash
    verdict = _response_verdict(tables, table, registry, tested)
    facts = {"known before": f"{as_of:%Y-%m-%d %H:%M}", "decisions": f"{len(table):,}", "actions": table["action_id"].nunique()}
    purpose = "How likely an action is answered, and how likely it makes someone unsubscribe, by action and journey stage."
    limits = ["Rates describe who was contacted, by the policy that chose them; they are not the effect of an action."]
    parameters = {"prior_strength": model.prior_strength}
    protocol = "Learned from the older decisions, tested on the newest fifth; the naive rival is the catalogue's prior of each action."
    card = Card("Response", purpose, facts, parameters, model.metrics, protocol, limits)
    tags = {"as_of": as_of.isoformat(), "data_hash": data_hash}
    return submit(
        registry, "response", model, Evidence(parameters, model.metrics, tags, {"model_card.md": model_card(card, verdict)}), verdict
    )


def _verdict(
    registry: Registry, kind: str, material: Material, losses: Floats, naive: Floats, rival: Floats | None, measure: str
) -> Verdict:
    """Against the champion's own predictions of the backtest, or its recorded skill where it has seen the answers, or none."""
    everybody = "one and the same answer for everybody"
    if rival is not None:
        return against_champion(losses, naive, rival, measure=measure, rival=everybody)
    champion = registry.champion(kind)
    alike = champion is not None and champion.tags.get("horizon_days") == str(material.horizon_days)
    proven = champion is not None and bool(champion.metrics.get(NAIVE_LOSS))
    if proven and len(losses) < FEW:
        return unproven(len(losses))
    if champion is not None and alike and proven:
        return against_record(losses, naive, _recorded_skill(champion), measure=measure, rival=everybody)
    return without_champion(losses, naive, measure=measure, rival=everybody)


def _churn_champion(registry: Registry, material: Material, tested: ChurnBacktest) -> Floats | None:
    if registry.champion("churn") is None or tested.rows.empty:
        return None
    model = _readable(ChurnModel.load, registry.fetch("churn"))
    if model is None or not _comparable(model, material, tested.rows):
        return None
    return np.asarray((model.predict(tested.rows) - tested.churned) ** 2)


def _value_champion(registry: Registry, material: Material, tested: ValueBacktest) -> Floats | None:
    if registry.champion("value") is None or tested.rows.empty:
        return None
    model = _readable(ValueModel.load, registry.fetch("value"))
    return None if model is None or not _comparable(model, material, tested.rows) else tested.losses_of(model)


def _readable(load: Callable[[Path], Model], folder: Path) -> Model | None:
    """The champion; None where another version of nextbest wrote it, so that training can replace it."""
    try:
        return load(folder)
    except InputError:
        return None


def _comparable(model: ChurnModel | ValueModel, material: Material, rows: pd.DataFrame) -> bool:
    """Same horizon, features that are still made, and nothing seen of what the backtest asks."""
    unseen = model.as_of <= rows["as_of"].min()
    return unseen and model.horizon_days == material.horizon_days and set(model.feature_names) <= set(rows.columns)


def _response_verdict(tables: Tables, table: pd.DataFrame, registry: Registry, tested: ResponseBacktest) -> Verdict:
    """Against the champion on decisions that it could not learn from, or by its record where they are too few."""
    measure, believed = "Brier score", "the catalogue's priors"
    first, kept = without_champion(tested.losses, tested.naive, measure=measure, rival=believed), registry.champion("response")
    if kept is None or not first.promoted:
        return first
    champion = ResponseModel.load(registry.fetch("response", kept.version))
    known = response_table(tables, champion.as_of)
    seen = tested.rows["decision_id"].isin(known["decision_id"]).any()
    fair = backtest_since(table, known, tested.priors) if seen else tested
    if len(fair.rows) >= FEW:
        return against_champion(fair.losses, fair.naive, fair.losses_of(champion), measure=measure, rival=believed)
    alike = all(champion.priors.get(action) == tested.priors.get(action) for action in tested.rows["action_id"].unique())
    if alike and kept.metrics.get(NAIVE_LOSS):
        return against_record(tested.losses, tested.naive, _recorded_skill(kept), measure=measure, rival=believed)
    return first


def _recorded_skill(champion: Version) -> float:
    """1 - loss / naive loss on the champion's own backtest."""
    return 1.0 - champion.metrics[LOSS] / champion.metrics[NAIVE_LOSS]


def _losses(losses: Floats, naive: Floats) -> dict[str, float]:
    return {LOSS: float(losses.mean()), NAIVE_LOSS: float(naive.mean())} if len(losses) else {}


def _tags(material: Material, data_hash: str) -> dict[str, str]:
    return {"as_of": material.as_of.isoformat(), "horizon_days": str(material.horizon_days), "data_hash": data_hash}


def _churn_card(material: Material, parameters: Mapping[str, Any], model: ChurnModel, tested: ChurnBacktest) -> Card:
    purpose = f"The probability that a customer buys nothing within the next {material.horizon_days} days."
    protocol = tested.protocol
    if not tested.table.empty:
        protocol += f" The winner and the number of its trees were chosen on these tests{CALIBRATED if tested.calibrator else ''}."
        protocol += f" {tested.why}\n\n{markdown(tested.table)}"
    limits = [
        *model.lacks,
        "A season that the history has not seen yet shifts the level of all probabilities; their order suffers less.",
        "A customer with a single purchase day is known by little more than when it was.",
        f"It answers for {material.horizon_days} days only: another horizon asks for another training.",
    ]
    return Card("Churn", purpose, material.facts, parameters, model.metrics, protocol, limits)


def _value_card(material: Material, parameters: Mapping[str, Any], metrics: Mapping[str, float], tested: ValueBacktest) -> Card:
    purpose = f"Expected orders and spend within {material.horizon_days} days, value over a year, and the day of the next order."
    limits = [
        "A coming season shifts the level; spend_bias says by how much it did last time.",
        "The year's value carries the horizon's expectation on at the pace of a buy-till-you-die law, discounted at 10 % a year.",
        "The next order's day is that of those who order within the horizon; whether they will is the churn probability's to say.",
    ]
    protocol = tested.protocol if tested.table.empty else f"{tested.protocol}\n\n{markdown(tested.table)}"
    return Card("Value", purpose, material.facts, parameters, metrics, protocol, limits)
