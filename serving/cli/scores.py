"""Commands that score everybody into a file: score churn, score affinity, score actions."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.errors import InputError
from serving.cli.console import note, say, say_json, step
from serving.cli.data import AsOf
from serving.cli.workspace import Workspace, of

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(no_args_is_help=True)

Output = Annotated[Path, typer.Option(help="File to write: .parquet, .csv, .csv.gz or .ndjson.")]
Hindsight = Annotated[bool, typer.Option("--allow-hindsight", help="Score a time that the model has already seen the future of.")]


@app.command()
def churn(
    context: typer.Context,
    output: Output,
    as_of: AsOf = None,
    horizon_days: Annotated[int | None, typer.Option(min=1, help="Must be the model's own horizon.")] = None,
    reasons: Annotated[bool, typer.Option("--reasons", help="Explain each customer's probability.")] = False,
    allow_hindsight: Hindsight = False,
) -> None:
    """Write every customer's churn probability, band, expected spend and next order."""
    work = of(context)
    tables = work.tables()
    at = work.as_of(as_of, tables)
    with step(f"score churn as of {at:%Y-%m-%d}"):
        scores = churn_scores(work, tables, at, horizon_days, reasons=reasons, hindsight=allow_hindsight)
    _written(work, scores, output, at)


@app.command()
def affinity(
    context: typer.Context,
    output: Output,
    as_of: AsOf = None,
    top: Annotated[int, typer.Option(min=1, help="Products per customer.")] = 20,
    exclude_purchased: Annotated[bool, typer.Option("--exclude-purchased", help="Only products the customer never bought.")] = False,
    allow_hindsight: Hindsight = False,
) -> None:
    """Write every customer's ranked products."""
    from features.interactions import purchases
    from training.affinity.score import affinity_scores

    work = of(context)
    tables = work.tables()
    at = work.as_of(as_of, tables)
    with step(f"score affinity as of {at:%Y-%m-%d}"):
        model = champion(work, "affinity", at, hindsight=allow_hindsight)
        scores = affinity_scores(model, purchases(tables, at), top, exclude_purchased=exclude_purchased)
    _written(work, scores, output, at)


@app.command()
def actions(
    context: typer.Context,
    output: Output,
    as_of: AsOf = None,
    customers: Annotated[Path | None, typer.Option(help="Only the customers of this file (column customer_id).")] = None,
    as_deployed: Annotated[
        bool, typer.Option("--as-deployed", help="With holdout, exploration and quiet hours, as serving draws.")
    ] = False,
    catalogue: Annotated[Path | None, typer.Option(help="Another catalogue than the home's config/catalogue.yaml.")] = None,
    allow_hindsight: Hindsight = False,
) -> None:
    """Write the policy: every customer's distribution over actions."""
    from decisions.batch import score_actions, score_actions_as_deployed
    from decisions.situations import Knowledge, situations
    from features.journey import DEFAULT_STAGES, load_stages

    work = of(context)
    tables = work.tables()
    at = work.as_of(as_of, tables)
    with step(f"score actions as of {at:%Y-%m-%d}"):
        policy = work.policy(catalogue, optional_champion(work, "response", at, hindsight=allow_hindsight))
        known = Knowledge(
            _churn_by_customer(work, tables, at, hindsight=allow_hindsight),
            optional_champion(work, "affinity", at, hindsight=allow_hindsight),
            load_stages(work.rules(DEFAULT_STAGES)),
        )
        found = situations(tables, at, known, only=_wanted(customers))
        scores = score_actions_as_deployed(found, policy) if as_deployed else score_actions(found, policy)
    _written(work, scores, output, at)


def churn_scores(work: Workspace, tables: Any, at: datetime, horizon_days: int | None, *, reasons: bool, hindsight: bool) -> "pd.DataFrame":
    """Everybody's churn scores by the champions; InputError without a churn champion, or for another horizon than its own."""
    from features.journey import DEFAULT_STAGES, load_stages
    from training import score
    from training.bands import DEFAULT_BANDS, load_bands

    model = champion(work, "churn", at, hindsight=hindsight)
    if horizon_days is not None and horizon_days != model.horizon_days:
        raise InputError(
            f"The churn champion looks {model.horizon_days} days ahead, not {horizon_days}.",
            remedy=f"Train another: nextbest train churn value --horizon-days {horizon_days}",
        )
    value = optional_champion(work, "value", at, hindsight=hindsight)
    rules = load_bands(work.rules(DEFAULT_BANDS)), load_stages(work.rules(DEFAULT_STAGES))
    scored = score.churn_scores_with_reasons if reasons else score.churn_scores
    return scored(tables, model, value, at, *rules)


def champion(work: Workspace, kind: str, at: datetime, *, hindsight: bool) -> Any:
    """The champion of this kind, loaded. InputError where there is none, or it has seen rows after `at` (unless hindsight is allowed)."""
    from serving.cli.champion import load_champion

    return load_champion(work.home(), kind, at, hindsight=hindsight)


def optional_champion(work: Workspace, kind: str, at: datetime, *, hindsight: bool) -> Any | None:
    """The champion of this kind, or None, said, where there is none."""
    from training.registry import Registry

    if Registry(work.home()).champion(kind) is None:
        note(f"  no {kind} champion: scored without")
        return None
    return champion(work, kind, at, hindsight=hindsight)


def _churn_by_customer(work: Workspace, tables: Any, at: datetime, *, hindsight: bool) -> dict[str, float]:
    if optional_champion(work, "churn", at, hindsight=hindsight) is None:
        return {}
    scores = churn_scores(work, tables, at, None, reasons=False, hindsight=hindsight)
    return dict(zip(scores.customer_id, scores.churn_probability, strict=True))


def _wanted(path: Path | None) -> list[str] | None:
    import pandas as pd

    if path is None:
        return None
    try:
        table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype=str)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}.", remedy="Give a CSV or Parquet file with a column customer_id.") from error
    if "customer_id" not in table:
        raise InputError(f"{path} has no column customer_id, but {', '.join(table.columns)}.", remedy="Rename the column.")
    return [str(value) for value in table.customer_id]


def _written(work: Workspace, scores: "pd.DataFrame", output: Path, at: datetime) -> None:
    from features.build import write_table

    write_table(scores, output)
    result = {"output": str(output), "rows": len(scores), "customers": int(scores.customer_id.nunique()), "as_of": at.isoformat()}
    say_json(result) if work.json else say(
        f"{output}: {result['rows']:,} rows, {result['customers']:,} customers, as of {at:%Y-%m-%d %H:%M}"
    )
