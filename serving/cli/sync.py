"""The command that moves what was posted into the home's history."""

from typing import Annotated, Any

import typer

from serving.cli.console import note, say, say_json, step
from serving.cli.data import today
from serving.cli.publication import publish_changes, state_of
from serving.cli.workspace import Workspace, of

_KEPT = "consent of {channel} stays in the state database alone: the customers table has no column consent_{channel}, with which no answer is a no"


def sync(
    context: typer.Context,
    publish: Annotated[
        bool, typer.Option("--publish", help="Publish afterwards: what is in the history then leaves the state database.")
    ] = False,
) -> None:
    """Move posted orders, events, decisions, outcomes, profiles and consents into the home's tables. Safe beside running servers."""
    work = of(context)
    with state_of(work) as state:
        done = _synced(work, state)
    if publish:
        publish_changes(work, work.scoring_time(None, work.tables()))
    if work.json:
        say_json(done.as_dict())
        return
    for line in _lines(done):
        say(line)


def _synced(work: Workspace, state: Any) -> Any:
    from serving.syncing import sync as synced

    engine = work.engine()
    with step("sync what was posted"):
        done = synced(state, work.home(), today=today(), threads=engine["threads"], memory_limit=engine["memory_limit"])
    for channel in done.unknown_channels:
        note(f"    {_KEPT.format(channel=channel)}")
    return done


def _lines(done: Any) -> list[str]:
    if not done.tables:
        return ["nothing was posted since the last sync"]
    lines = []
    for name, moved in done.tables.items():
        lines.append(f"{name}: {moved.rows:,} rows moved; {moved.rows_now:,} rows now")
        lines += [f"  refused: {count:,} {reason} (they stay in the state database)" for reason, count in moved.refused.items()]
        if moved.replaced:
            lines.append(f"  replaced: {moved.replaced:,} lines of files by posted lines of the same orders")
    return lines


COMMANDS = (sync,)
