"""Scores by the home's champions: what the score commands write, publication publishes and the demo shows."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from features.errors import InputError
from serving.cli.champion import has_champion, load_champion
from serving.cli.console import note
from serving.cli.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd


def churn_scores(work: Workspace, tables: Any, at: datetime, horizon_days: int | None, *, reasons: bool, hindsight: bool) -> "pd.DataFrame":
    """Everybody's churn scores by the champions; InputError without a churn champion, or for another horizon than its own."""
    from features.journey import DEFAULT_STAGES, load_stages
    from training import score
    from training.bands import DEFAULT_BANDS, load_bands
    from training.segments.rfm import DEFAULT_SEGMENTS, load_segments

    rules = load_bands(work.rules(DEFAULT_BANDS)), load_stages(work.rules(DEFAULT_STAGES))
    model = champion(work, "churn", at, hindsight=hindsight)
    if horizon_days is not None and horizon_days != model.horizon_days:
        raise InputError(
            f"The churn champion looks {model.horizon_days} days ahead, not {horizon_days}.",
            remedy=f"Train another: nextbest train churn value --horizon-days {horizon_days}",
        )
    value = optional_champion(work, "value", at, hindsight=hindsight)
    groups = score.Groups(load_segments(work.rules(DEFAULT_SEGMENTS)), known_personas(work, at, hindsight=hindsight))
    scored = score.churn_scores_with_reasons if reasons else score.churn_scores
    return scored(tables, model, value, at, *rules, groups=groups)


def check_products(tables: Any, at: datetime) -> None:
    """InputError if no sale before `at` names a product: then there is nothing to rank, whatever was trained."""
    from features.interactions import purchases

    if purchases(tables, at).empty:
        raise InputError(
            "Affinity needs product_id in orders, and no sale before this time has one.",
            remedy="Map the column that names the product (orders: {columns: {product_id: ...}}) and ingest again.",
        )


def champion(work: Workspace, kind: str, at: datetime, *, hindsight: bool) -> Any:
    """The champion of this kind, loaded. InputError where there is none, or it has seen rows after `at` (unless hindsight is allowed)."""
    return load_champion(work.home(), kind, at, hindsight=hindsight)


def optional_champion(work: Workspace, kind: str, at: datetime, *, hindsight: bool) -> Any | None:
    """The champion of this kind, or None, said, where there is none."""
    if not has_champion(work.home(), kind):
        note(f"    no {kind} champion: scored without")
        return None
    return champion(work, kind, at, hindsight=hindsight)


def known_personas(work: Workspace, at: datetime, *, hindsight: bool) -> Any | None:
    """The persona champion; None where there is none, and, said, where it has seen rows after `at`: scores can do without."""
    if not has_champion(work.home(), "personas"):
        return None
    try:
        return champion(work, "personas", at, hindsight=hindsight)
    except InputError as error:
        note(f"    scored without personas: {error.problem}")
        return None


def churn_by_customer(work: Workspace, tables: Any, at: datetime, *, hindsight: bool) -> dict[str, float]:
    """Churn probabilities by customer_id; empty where there is no churn champion."""
    if not has_champion(work.home(), "churn"):
        return {}
    scores = churn_scores(work, tables, at, None, reasons=False, hindsight=hindsight)
    return dict(zip(scores.customer_id, scores.churn_probability, strict=True))
