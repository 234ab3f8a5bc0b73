"""Commands about data: simulate, ingest, check, features."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from features.errors import InputError
from features.ingest.preset_names import presets
from serving.cli.console import note, say, say_json, show, step
from serving.cli.demo_home import refuse_simulated
from serving.cli.workspace import of

Files = Annotated[list[Path] | None, typer.Option(help="CSV, CSV.gz or Parquet, or a folder of them; may be given several times.")]
AsOf = Annotated[
    str | None, typer.Option("--as-of", help="A date or an instant; only older rows are seen (default: just after the newest row)")
]


def today() -> datetime:
    """The wall clock, as naive UTC: a front door's privilege."""
    return datetime.now(UTC).replace(tzinfo=None)


def simulate(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    customers: Annotated[int, typer.Option(help="How many customers.")] = 2000,
    months: Annotated[int, typer.Option(help="Over how many months.")] = 18,
    seed: Annotated[int, typer.Option(help="The same seed gives the same shop.")] = 1,
) -> None:
    """Write a simulated shop's orders, products, customers, events, decisions and outcomes, and the truth behind them."""
    from decisions.simulator import simulate as simulated
    from decisions.simulator import write

    with step(f"simulate {customers:,} customers over {months} months"):
        files = write(simulated(customers=customers, months=months, seed=seed), out)
    if of(context).json:
        say_json({"files": [str(file) for file in files]})
    else:
        for file in files:
            say(str(file))


def ingest(
    context: typer.Context,
    orders: Files = None,
    products: Files = None,
    customers: Files = None,
    events: Files = None,
    decisions: Files = None,
    outcomes: Files = None,
    mapping: Annotated[str | None, typer.Option(help=f"A YAML file, or a preset: {', '.join(presets())}.")] = None,
    drop_bad_rows: Annotated[
        bool, typer.Option("--drop-bad-rows", help="Drop and count rows that cannot be read, instead of refusing the file.")
    ] = False,
    suggest_mapping: Annotated[
        Path | None,
        typer.Option("--suggest-mapping", metavar="FILE", help="Print a mapping for this file, to look over and save, and end."),
    ] = None,
) -> None:
    """Bring files into the home's tables. Running it again on the same files changes nothing."""
    if suggest_mapping is not None:
        _suggest(context, suggest_mapping)
        return
    from features.ingest.mapping import load_mapping
    from features.ingest.run import ingest as ingested

    given = {"orders": orders, "products": products, "customers": customers, "events": events, "decisions": decisions, "outcomes": outcomes}
    sources = {name: files for name, files in given.items() if files}
    if not sources:
        raise InputError("There is nothing to ingest.", remedy="Name at least one file: nextbest ingest --orders FILE.")
    work = of(context)
    read = load_mapping(mapping) if mapping else None
    with work.new_home() as home, step(f"ingest {', '.join(sources)}"):
        refuse_simulated(home)
        report = ingested(
            home,
            sources,
            read,
            today=today(),
            drop_bad_rows=drop_bad_rows,
            **work.engine(),
        )
    if work.json:
        say_json(report.as_dict())
    else:
        for line in report.lines():
            say(line)


def _suggest(context: typer.Context, file: Path) -> None:
    from features.ingest.suggesting import suggest_mapping

    suggested = suggest_mapping(file)
    say_json({"file": str(file), "mapping": suggested}) if of(context).json else say(suggested.rstrip("\n"))


def check(context: typer.Context) -> None:
    """Check the home's tables against the contract: PASS, WARN or FAIL, with count and first offender. Exit code 2 on FAIL."""
    from features.checks import check as checked

    work = of(context)
    with step("check the tables"):
        found = checked(work.home(), today=today(), **work.engine())
    if work.json:
        say_json([one.as_dict() for one in found])
    else:
        show([one.as_row() for one in found])
    if failed := [one for one in found if one.status == "FAIL"]:
        note(f"nextbest: {len(failed)} of {len(found)} checks failed: {', '.join(one.name for one in failed)}.")
        note("\n".join(f"  {remedy}" for remedy in dict.fromkeys(one.remedy for one in failed)))
        raise typer.Exit(2)


def features(
    context: typer.Context,
    output: Annotated[Path | None, typer.Option(help="File to write: .parquet, .csv, .csv.gz or .ndjson.")] = None,
    as_of: AsOf = None,
    every: Annotated[
        bool, typer.Option("--all", help="Keep features that are the same for everybody, and windows longer than the history.")
    ] = False,
    describe: Annotated[bool, typer.Option("--describe", help="Print what each feature means, and end.")] = False,
) -> None:
    """Write one row per customer with an order line or an event before the time asked for, with their stage."""
    if describe:
        _describe(context)
        return
    from features.feature_files import write_features
    from features.journey import DEFAULT_STAGES, load_stages

    if output is None:
        raise InputError("There is no place for the result.", remedy="Name one: nextbest features --output features.parquet.")
    work = of(context)
    tables = work.tables()
    at = work.as_of(as_of, tables)
    with step(f"features as of {at:%Y-%m-%d %H:%M}"):
        written = write_features(tables, at, output, load_stages(work.rules(DEFAULT_STAGES)), every=every)
    if work.json:
        facts = {"customers": written.customer_count, "features": len(written.names), "left_out": list(written.left_out)}
        say_json({"output": str(output), "as_of": at.isoformat(), **facts})
        return
    say(f"{output}: {written.customer_count:,} customers, {len(written.names)} features, as of {at:%Y-%m-%d %H:%M}")
    if written.left_out:
        note(
            f"    {len(written.left_out)} features say nothing about this shop and are left out (--all keeps them): {', '.join(written.left_out)}"
        )


def _describe(context: typer.Context) -> None:
    from features.definitions import FEATURES

    rows = [{"name": f.name, "family": f.family, "unit": f.unit, "description": f.description} for f in FEATURES]
    say_json(rows) if of(context).json else show(rows)


COMMANDS = (simulate, ingest, check, features)
