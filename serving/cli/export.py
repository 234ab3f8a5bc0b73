"""The command that brings all published scores to where somebody else reads them: a file, or a table of their database."""

import re
import time
from collections.abc import Generator, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from features.errors import InputError
from serving.cli.console import note, say, say_json
from serving.cli.publication import state_of
from serving.cli.workspace import Workspace, of

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def export(
    context: typer.Context,
    to: Annotated[
        str, typer.Option(help="A file (.csv, .csv.gz, .ndjson, .parquet), postgresql://USER:PASSWORD@HOST/DATABASE or sqlite:///FILE.")
    ] = "churn_scores.csv",
    table: Annotated[
        str, typer.Option(help="The table in that database, made if it is missing; a schema may stand before it.")
    ] = "churn_scores",
    locale: Annotated[Literal["en", "vi"], typer.Option(help="The language of the reasons.")] = "en",
    every: Annotated[str | None, typer.Option(help="Again and again until stopped, like 30m, 24h or 7d.")] = None,
) -> None:
    """Export all published churn scores to a file or a database table."""
    work = of(context)
    work.home()
    seconds = None if every is None else _seconds(every)
    _check(to, table)
    with suppress(KeyboardInterrupt):  # being stopped is how --every ends
        started = time.monotonic()
        _exported(work, to, table, locale)
        while seconds is not None:
            time.sleep(max(0.0, started + seconds - time.monotonic()))
            started = time.monotonic()
            _tried(work, to, table, locale)


def _tried(work: Workspace, to: str, table: str, locale: str) -> None:
    """Exports, unless something is in the way that may be gone the next time."""
    try:
        _exported(work, to, table, locale)
    except InputError as error:
        note(f"nextbest: {error.problem}\n  {error.remedy}")


def _check(to: str, table: str) -> None:
    from features.build import check_output
    from serving.score_table import check_target, is_url

    if is_url(to):
        check_target(to, table)
    else:
        check_output(Path(to))


def _exported(work: Workspace, to: str, table: str, locale: str) -> None:
    """One export, and what is said of it. All of it is read in one transaction: what is not in it is gone, and not only from here."""
    from serving.state import score_lists

    with state_of(work) as state, state.reading() as connection:
        found = score_lists.scored(connection)
        if found is None:
            raise InputError("No churn scores are published.", remedy="Run: nextbest train churn value, which also publishes.")
        made = _written(to, table, _batches(state, connection, found.generation, locale, work.home().currency))
    _say(work, {**made, "as_of": found.as_of.isoformat(), "model_version": found.model_version})


def _written(to: str, table: str, batches: Generator[Sequence[Any]]) -> dict[str, Any]:
    from serving.score_file import write_file
    from serving.score_table import is_url, shown, write_table

    if not is_url(to):
        return {"to": to, "rows": write_file(Path(to), batches)}
    made = write_table(to, table, batches)
    return {"to": shown(to), "table": table, **vars(made), "unchanged": made.unchanged}


def _batches(state: Any, connection: Any, generation: int, locale: str, currency: str) -> Generator[Sequence[Any]]:
    from sqlalchemy.exc import DatabaseError

    from serving.churn_tables import published_answers
    from serving.state import score_lists
    from serving.state.database import unreachable

    try:
        for rows in score_lists.stream(connection, generation, score_lists.Filters(), score_lists.Order("customer_id")):
            yield published_answers(rows, locale, currency)
    except DatabaseError as error:
        raise unreachable(state.engine, error) from error


def _say(work: Workspace, made: dict[str, Any]) -> None:
    if work.json:
        say_json(made)
        return
    of_what = f"{made['rows']:,} customers, as of {made['as_of'][:16].replace('T', ' ')}"
    if "table" not in made:
        say(f"{made['to']}: {of_what}")
        return
    changes = ", ".join(f"{made[name]:,} {name}" for name in ("added", "updated", "unchanged", "removed"))
    say(f"{made['to']}, table {made['table']}: {of_what} ({changes})")


def _seconds(every: str) -> float:
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", every)
    if found is None:
        raise InputError(f"--every {every} is no span of time.", remedy="Give a number and s, m, h or d: 30m, 24h, 7d.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])}).total_seconds()


COMMANDS = (export,)
