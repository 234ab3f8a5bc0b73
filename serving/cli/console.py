"""What the command says: results on stdout, progress on stderr, as a table or as JSON."""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

WIDE = 200
OUT = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else WIDE)
ERR = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """Says what is being done while it is done, and how long it took: a spinner on a terminal, a plain line elsewhere."""
    started = time.perf_counter()
    if ERR.is_terminal:
        with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=ERR, transient=True) as progress:
            progress.add_task(what)
            yield
    else:
        yield
    ERR.print(f"  {what:<52} {time.perf_counter() - started:6.1f} s", markup=False)


@contextmanager
def counting(what: str, total: int) -> Iterator[Any]:
    """Gives a function that is called with the number of items done so far: a bar on a terminal, one plain line at the end elsewhere."""
    started = time.perf_counter()
    if ERR.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,}/{task.total:,}"), TimeElapsedColumn())
        with Progress(*columns, console=ERR, transient=True) as progress:
            task = progress.add_task(what, total=total)
            yield lambda done: progress.update(task, completed=done)
    else:
        yield lambda _: None
    ERR.print(f"  {what:<52} {time.perf_counter() - started:6.1f} s", markup=False)


def say(text: str) -> None:
    """One line of the result, for people."""
    OUT.print(text, markup=False)


def note(text: str) -> None:
    """One line beside the result: a warning, a remark."""
    ERR.print(text, markup=False)


def show(rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows as a table, columns from the first row."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in rows[0] if rows else ():
        table.add_column(name)
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    OUT.print(table)


def say_json(value: Any) -> None:
    """The machine-readable result, one JSON document on stdout."""
    sys.stdout.write(json.dumps(value, default=str, ensure_ascii=False, indent=1) + "\n")


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:,.4g}"
    return "" if value is None else str(value).replace("[", "\\[")
