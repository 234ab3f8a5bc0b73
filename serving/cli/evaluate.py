"""Commands that measure without registering anything: evaluate affinity, evaluate power."""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from features.errors import InputError
from serving.cli.console import note, say, say_json, show, step
from serving.cli.data import AsOf
from serving.cli.evaluate_power import power
from serving.cli.workspace import Workspace, of

if TYPE_CHECKING:
    from training.affinity.backtest import Backtest

app = typer.Typer(no_args_is_help=True)
app.command()(power)

MODES: Final = {"all": "repeats counted", "new": "never bought before"}


@dataclass(frozen=True)
class _Tried:
    """A backtest and its report, by the ending of its file."""

    backtest: "Backtest"
    report: dict[str, str]


@app.command()
def affinity(
    context: typer.Context,
    as_of: AsOf = None,
    horizon_days: Annotated[
        int | None, typer.Option(min=1, help="Days after a cut whose purchases are asked for (default: fits the shop's rhythm)")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Report to write: .html, or .md without pictures (default: reports/affinity-DAY.html in the home)")
    ] = None,
) -> None:
    """Backtest recommendations: ranker, blend and personal frequency on the same customers, as a table and a report with pictures."""
    work = of(context)
    if output is not None:
        _check_output(output)
    tables = work.tables()
    at = work.as_of(as_of, tables)
    with step(f"evaluate affinity as of {at:%Y-%m-%d}"):
        tried = _tried(work, tables, at, horizon_days)
    file = output or _default_output(work, at)
    _write(file, tried.report[file.suffix])
    _told(work, tried.backtest, file, at)


def _tried(work: Workspace, tables: Any, at: datetime, horizon_days: int | None) -> _Tried:
    from features.interactions import interactions
    from serving.cli.affinity_engine import factorise_there
    from training.affinity.backtest import run_backtest
    from training.affinity.history import encode
    from training.affinity.report import report

    known = interactions(tables, at)
    history = encode(known)
    backtest = run_backtest(
        history,
        at,
        horizon_days=horizon_days,
        factorise=factorise_there(work, tables),
        progress=lambda what: note(f"    affinity: {what}"),
    )
    return _Tried(backtest, {Path(name).suffix: text for name, text in report(backtest, history, known.products).items()})


def _told(work: Workspace, tried: "Backtest", file: Path, at: datetime) -> None:
    from training.affinity.report.by_way import way_name

    rows = _rows(tried)
    if work.json:
        cut = tried.cuts[-1] if tried.cuts else None
        say_json({"as_of": at, "cut": cut, "horizon_days": tried.horizon_days, "sources": tried.sources, "ways": rows, "report": str(file)})
        return
    if rows:
        show(
            [
                {**row, "mode": MODES[row["mode"]], "way": way_name(row["way"], row["mode"]), "chosen": "yes" if row["chosen"] else ""}
                for row in rows
            ]
        )
    else:
        note(
            "    too little history for a backtest: personal frequency, and among new products what goes with purchases, would be used, unmeasured"
        )
    say(f"{file}: the report, of the {tried.horizon_days} days before {at:%Y-%m-%d %H:%M}")


def _rows(tried: "Backtest") -> list[dict[str, Any]]:
    """One row per mode and way."""
    told = tried.metrics()
    return [
        {
            "mode": mode,
            "way": way,
            "ndcg_at_10": told[f"{mode}.{way}.ndcg_at_10"],
            "standard_error": told[f"{mode}.{way}.ndcg_at_10_standard_error"],
            "recall_at_10": told[f"{mode}.{way}.recall_at_10"],
            "hit_rate_at_10": told[f"{mode}.{way}.hit_rate_at_10"],
            "customers": int(told[f"{mode}.{way}.customers"]),
            "chosen": tried.orders.ways[mode] == way,
        }
        for mode, ways in tried.hits.items()
        for way in ways
    ]


def _check_output(path: Path) -> None:
    """Refuses before minutes are spent."""
    if path.suffix not in (".html", ".md"):
        raise InputError(f"{path}: no such format.", remedy="Let the report end in .html or .md.")
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise InputError(f"{path} cannot be written.", remedy="Name a file in a folder that exists and that you may write to.")


def _default_output(work: Workspace, at: datetime) -> Path:
    return work.home().root / "reports" / f"affinity-{at:%Y-%m-%d}.html"


def _write(file: Path, text: str) -> None:
    from features.home import replace_text

    try:
        file.parent.mkdir(exist_ok=True)
        replace_text(file, text)
    except OSError as error:
        raise InputError(
            f"{file} cannot be written: {error.strerror or error}.", remedy="Name a file that you may write to with --output."
        ) from error
