"""What the command says: results on stdout, progress on stderr, as a table or as JSON.

What draws on terminals is imported when something is said: a server says nothing here.
"""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.console import Console

WIDE: Final = 200


@contextmanager
def step(what: str) -> Iterator[None]:
    """Says what is being done while it is done, and how long it took: a spinner on a terminal, a plain line elsewhere."""
    started = time.perf_counter()
    if _err().is_terminal:
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=_err(), transient=True) as progress:
            progress.add_task(what)
            yield
    else:
        yield
    _err().print(f"  {what:<52} {time.perf_counter() - started:6.1f} s", markup=False)


@contextmanager
def counting(what: str, total: int) -> Iterator[Any]:
    """Gives a function that is called with the number of items done so far: a bar on a terminal, one plain line at the end elsewhere."""
    started = time.perf_counter()
    if _err().is_terminal:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,}/{task.total:,}"), TimeElapsedColumn())
        with Progress(*columns, console=_err(), transient=True) as progress:
            task = progress.add_task(what, total=total)
            yield lambda done: progress.update(task, completed=done)
    else:
        yield lambda _: None
    _err().print(f"  {what:<52} {time.perf_counter() - started:6.1f} s", markup=False)


def say(text: str) -> None:
    """One line of the result, for people."""
    _out().print(text, markup=False)


def note(text: str) -> None:
    """One line beside the result: a warning, a remark."""
    _err().print(text, markup=False)


def show(rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows as a table, columns from the first row."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in rows[0] if rows else ():
        table.add_column(name)
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    _out().print(table)


def say_json(value: Any) -> None:
    """The machine-readable result, one JSON document on stdout."""
    sys.stdout.write(json.dumps(value, default=str, ensure_ascii=False, indent=1) + "\n")


@cache
def _out() -> "Console":
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else WIDE)


@cache
def _err() -> "Console":
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:,.4g}"
    return "" if value is None else str(value).replace("[", "\\[")
