"""Commands that score everybody into a file: score churn, score affinity, score actions."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from features.errors import InputError
from serving.cli.affinity_lists import affinity_lists
from serving.cli.console import note, say, say_json, step
from serving.cli.data import AsOf
from serving.cli.publication import publish_scores
from serving.cli.scoring import champion, check_products, churn_by_customer, churn_scores, optional_champion
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
    reasons: Annotated[bool, typer.Option(help="Explain each customer's probability; takes several times as long.")] = True,
    locale: Annotated[Literal["en", "vi"], typer.Option(help="The language of the reasons.")] = "en",
    allow_hindsight: Hindsight = False,
) -> None:
    """Write every customer's churn probability, band, expected spend and next order."""
    from training.score import in_sentences

    work = _ready(context, output)
    tables = work.tables()
    at = work.scoring_time(as_of, tables)
    with step(f"score churn as of {at:%Y-%m-%d}"):
        scores = churn_scores(work, tables, at, horizon_days, reasons=reasons, hindsight=allow_hindsight)
    if not allow_hindsight:
        publish_scores(work, at, scores if reasons else None)
    _written(work, in_sentences(scores, locale, currency=work.home().currency), output, at)


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
    work = _ready(context, output)
    tables = work.tables()
    at = work.scoring_time(as_of, tables)
    with step(f"score affinity as of {at:%Y-%m-%d}"):
        check_products(tables, at)
        model = champion(work, "affinity", at, hindsight=allow_hindsight)
        found = affinity_lists(work, model, tables, at, top, exclude_purchased=exclude_purchased)
    for line in found.sentences():
        note(line)
    _written(work, found.lists, output, at, **found.counts())


@app.command()
def actions(
    context: typer.Context,
    output: Output,
    as_of: AsOf = None,
    customers: Annotated[Path | None, typer.Option(help="Only the customers of this file (column customer_id).")] = None,
    as_deployed: Annotated[bool, typer.Option("--as-deployed", help="With holdout and exploration, as serving draws.")] = False,
    catalogue: Annotated[Path | None, typer.Option(help="Another catalogue than the home's config/catalogue.yaml.")] = None,
    allow_hindsight: Hindsight = False,
) -> None:
    """Write the policy: every customer's distribution over actions."""
    from decisions.batch import score_actions, score_actions_as_deployed
    from decisions.merchandising import DEFAULT_RECOMMENDATIONS, load_rules
    from decisions.product_scope import narrow_scopes
    from decisions.situations import Knowledge, situations
    from features.journey import DEFAULT_STAGES, load_stages

    work = _ready(context, output)
    tables = work.tables()
    at = work.scoring_time(as_of, tables)
    with step(f"score actions as of {at:%Y-%m-%d}"):
        learned = (optional_champion(work, kind, at, hindsight=allow_hindsight) for kind in ("response", "journey"))
        policy = work.policy(catalogue, *learned)
        known = Knowledge(
            churn_by_customer(work, tables, at, hindsight=allow_hindsight),
            optional_champion(work, "affinity", at, hindsight=allow_hindsight),
            load_stages(work.rules(DEFAULT_STAGES)),
            load_rules(work.rules(DEFAULT_RECOMMENDATIONS), timezone=work.home().timezone),
            narrow_scopes(policy.catalogue.actions),
        )
        found = situations(tables, at, known, only=_wanted(customers))
        scores = score_actions_as_deployed(found, policy) if as_deployed else score_actions(found, policy)
    _written(work, scores, output, at)


def _ready(context: typer.Context, output: Path) -> Workspace:
    """The workspace, once it is known that the result can be written."""
    from features.build import check_output

    check_output(output)
    return of(context)


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


def _written(work: Workspace, scores: "pd.DataFrame", output: Path, at: datetime, **more: object) -> None:
    from features.build import write_table

    write_table(scores, output)
    result = {"output": str(output), "rows": len(scores), "customers": int(scores.customer_id.nunique()), "as_of": at.isoformat()}
    say_json({**result, **more}) if work.json else say(
        f"{output}: {result['rows']:,} rows, {result['customers']:,} customers, as of {at:%Y-%m-%d %H:%M}"
    )
