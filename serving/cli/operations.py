"""Commands that bring answers to people: demo, publish, serve, migrate, key create."""

from pathlib import Path
from typing import Annotated

import typer

from serving.cli.console import note, say, say_json
from serving.cli.data import AsOf, today
from serving.cli.demo import run_demo
from serving.cli.importing import importing
from serving.cli.publication import publish_tables, state_of
from serving.cli.workspace import of

keys = typer.Typer(no_args_is_help=True)


def demo(
    context: typer.Context,
    orders: Annotated[list[Path] | None, typer.Option(help="Your own orders instead of a simulated shop.")] = None,
    mapping: Annotated[str | None, typer.Option(help="How to read them: a YAML file or a preset.")] = None,
    customers: Annotated[int, typer.Option(help="Size of the simulated shop.")] = 2000,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End after scoring.")] = False,
    port: Annotated[int | None, typer.Option(help="Port to serve on.")] = None,
) -> None:
    """Simulate a shop (or take your orders), ingest, check, train, score, and serve it on this machine."""
    work = of(context)
    run_demo(work, orders=orders or [], mapping=mapping, customers=customers, port=port or work.settings.port)
    if not no_serve:
        serve(context, port=port, as_of="latest")


def publish(context: typer.Context, as_of: AsOf = None) -> None:
    """Bring histories, scores and champion models to where serving reads them."""
    work = of(context)
    tables = work.tables()
    work.registry().export_champions(work.home().champions)
    published = publish_tables(work, work.scoring_time(as_of, tables))
    if work.json:
        say_json(vars(published))
    else:
        say(f"published {published.customer_count:,} customers ({published.scored_count:,} scored), {published.product_count:,} products")


def serve(
    context: typer.Context,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on (default: 127.0.0.1); any other than this machine's asks for a key.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (default: 8000); 0 takes a free one.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    as_of: Annotated[str | None, typer.Option("--as-of", help="Pin the clock: a time, or latest (default: now)")] = None,
    catalogue: Annotated[Path | None, typer.Option(help="Another catalogue than the home's config/catalogue.yaml.")] = None,
) -> None:
    """Serve the API."""
    with importing():
        from serving.run import run

    of(context).home()
    given = {"host": host, "port": port, "as_of": as_of, "catalogue": catalogue}
    run(of(context).settings, {name: value for name, value in given.items() if value is not None}, workers=workers)


def migrate(context: typer.Context) -> None:
    """Bring the state database to this version."""
    from serving.state.migrate import migrate as migrated

    work = of(context)
    with work.new_home():
        before, after = migrated(work.database_url())
    say_json({"before": before, "after": after}) if work.json else say(f"state database: {before or 'empty'} -> {after}")


@keys.command("create")
def create_key(
    context: typer.Context,
    role: Annotated[str, typer.Option(help="app (asks and posts), crm (reads customers and scores), admin (everything).")],
) -> None:
    """Make an API key and print it, once: only its hash is stored."""
    from serving.state import keys as stored

    work = of(context)
    with work.new_home(), state_of(work) as state:
        token = stored.create(state, role, created_at=today())
    say_json({"role": role, "key": token}) if work.json else say(token)
    note("Keep it: it is not stored and cannot be shown again. Send it as: Authorization: Bearer KEY")


COMMANDS = (demo, publish, serve, migrate)
