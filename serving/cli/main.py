"""The command's entrance: its options, its commands, and what becomes of an error."""

import sys
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from features.errors import InputError
from serving.cli import audience, catalogue, data, evaluate, export, models, operations, scores, sync
from serving.cli.console import note
from serving.cli.outages import outage
from serving.cli.workspace import workspace

app = typer.Typer(
    name="nextbest",
    help="From a shop's purchase history to the next best action for each customer. Start with: nextbest demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(scores.app, name="score", help="Score every customer with the champion models, into a file.")
app.add_typer(evaluate.app, name="evaluate", help="Measure against the built-in baselines, without registering anything.")
app.add_typer(catalogue.app, name="catalogue", help="Look the catalogue of actions through, and explain one of them.")
app.add_typer(operations.keys, name="key", help="API keys.")
for commands in (data.COMMANDS, models.COMMANDS, operations.COMMANDS, sync.COMMANDS, export.COMMANDS, audience.COMMANDS):
    for command in commands:
        app.command()(command)


@app.callback()
def start(
    context: typer.Context,
    home: Annotated[
        Path | None, typer.Option("--home", help="The folder that holds all state (default: ./nextbest-home)", envvar="NEXTBEST_HOME")
    ] = None,
    engine: Annotated[
        Literal["duckdb", "spark"] | None,
        typer.Option(
            "--engine", help="What works the tables (default: duckdb); spark for more than one machine holds.", envvar="NEXTBEST_ENGINE"
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print a machine-readable result on stdout.")] = False,
) -> None:
    """From a shop's purchase history to the next best action for each customer."""
    context.obj = workspace(home, engine=engine, json=json)


def main() -> None:
    """Runs the command. Exit code 0: done; 2: bad input or usage, said in one message; 1: a defect, with its trace."""
    words = sys.argv[1:]
    try:
        app(sorted(words, key=lambda word: word != "--json"))  # wherever it stands, it means the same
    except InputError as error:
        _end(error)
    except Exception as error:
        told = outage(error)
        if told is None:
            raise
        _end(told)


def _end(error: InputError) -> NoReturn:
    note(f"nextbest: {error.problem}\n  {error.remedy}")
    sys.exit(2)
