"""The command that says who gets an action, writes them to a file for whoever contacts them, and records their decisions."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from features.errors import InputError
from serving.cli.console import counting, note, say, say_json, show
from serving.cli.data import today
from serving.cli.publication import state_of
from serving.cli.workspace import Workspace, of

if TYPE_CHECKING:
    from decisions.audience import Outside
    from serving.audience_export import Export, Tally


def audience(
    context: typer.Context,
    action: Annotated[str, typer.Option(help="The action_id, as nextbest catalogue check lists it.")],
    output: Annotated[Path, typer.Option(help="File to write: .parquet, .csv, .csv.gz or .ndjson. It has names and addresses.")],
    channel: Annotated[str | None, typer.Option(help="Only by this channel of the action (default: each customer's best).")] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="A date or an instant, or now (default: just after the newest row, published or posted).")
    ] = None,
    catalogue: Annotated[Path | None, typer.Option(help="Another catalogue than the home's config/catalogue.yaml.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="The first so many of them, by customer_id.")] = None,
    locale: Annotated[Literal["en", "vi"] | None, typer.Option(help="The language of customers whose own is not known.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write the file and record nothing: not for contacting anybody.")] = False,
    hashed: Annotated[bool, typer.Option("--hashed", help="For advertising tools: hashes instead of name, addresses and message.")] = False,
) -> None:
    """Write who gets an action now, with the message for each, and record that they get it.

    Customers are drawn by the same gates and probabilities as one by one. Made again for the same time, it is the same file, and nothing is
    recorded twice; several actions of one time share no customer.
    """
    from features.build import check_output
    from serving.audience_rows import CLEAR, HASHED
    from serving.score_file import PERSONAL, write_file

    work = of(context)
    check_output(output)
    with state_of(work) as state:
        made = _export(
            work,
            state,
            action,
            channel,
            _time(state, as_of, records=not dry_run),
            catalogue,
            limit=limit,
            records=not dry_run,
            locale=locale or "",
        )
        form = HASHED if hashed else CLEAR
        with counting(f"audience of {action} as of {made.wanted.at:%Y-%m-%d %H:%M}", _customers(state)) as progress:
            _run(made, form, output, progress, PERSONAL, write_file)
    _say(work, made, output)


def _run(made: "Export", form: Any, output: Path, progress: Any, mode: int, write_file: Any) -> None:
    shop = made.desk.policy.catalogue.shop

    def batches() -> Iterator[list[Any]]:
        for members in made.members():
            yield [form.row(each, shop) for each in members]
            progress(made.tally.considered)

    write_file(output, batches(), form.formats, mode=mode)


def _export(
    work: Workspace,
    state: Any,
    action: str,
    channel: str | None,
    at: datetime,
    catalogue: Path | None,
    *,
    limit: int | None,
    records: bool,
    locale: str,
) -> "Export":
    """Everything that decides, as in a server whose clock is pinned to this time. InputError for what cannot be asked or recorded."""
    from decisions.audience import AudienceAsk, checked_action
    from serving.audience_export import Export, contacted_later
    from serving.bulk import desk_at

    desk = desk_at(work.settings, at, note, catalogue=catalogue)
    wanted = AudienceAsk(action, at, channel)
    checked_action(wanted, desk.policy.catalogue)
    later = contacted_later(state, at)
    if later is not None and records:
        raise InputError(
            f"Customers were contacted up to {later:%Y-%m-%d %H:%M}, and an audience of {at:%Y-%m-%d %H:%M} would not count that.",
            remedy=f"Give --as-of {later.isoformat()} or later (or leave it out), or --dry-run to look back.",
        )
    return Export(state, desk, wanted, limit=limit, records=records, locale=locale, today=today())


def _time(state: Any, text: str | None, *, records: bool) -> datetime:
    """The audience's time. InputError for one that lies ahead: contacts that were recorded then would not be counted until then."""
    from features.cutoffs import parse_as_of
    from serving.audience_export import newest_row
    from serving.clock import SKEW

    now = today()
    if text == "now":
        return now.replace(microsecond=0)
    newest = newest_row(state)
    if newest is None:
        raise InputError("Nothing is published yet, so nobody is known.", remedy="Run: nextbest publish")
    at = newest if text is None or text == "latest" else parse_as_of(text)
    if at > now + SKEW and records:
        raise InputError(
            f"{at:%Y-%m-%d %H:%M} lies in the future: contact limits would not count what is recorded then. The newest row is of {newest:%Y-%m-%d %H:%M}.",
            remedy="Give --as-of now, or --dry-run to look ahead.",
        )
    if text is not None and at > now + timedelta(days=1):
        raise InputError(f"{at:%Y-%m-%d %H:%M} lies in the future.", remedy=f"The newest row is of {newest:%Y-%m-%d %H:%M}; or give now.")
    if newest > at:
        note(f"    rows of {at:%Y-%m-%d %H:%M} and later are not seen; the newest is of {newest:%Y-%m-%d %H:%M}")
    return at


def _customers(state: Any) -> int:
    from serving.state.everybody import customer_count

    with state.reading() as connection:
        return customer_count(connection)


def _say(work: Workspace, made: "Export", output: Path) -> None:
    tally, wanted = made.tally, made.wanted
    if work.json:
        say_json(_told(made, output))
        return
    by = f" by {wanted.channel}" if wanted.channel else ""
    said = f"{output}: {tally.members:,} of {tally.considered:,} customers get {wanted.action_id}{by}, as of {wanted.at:%Y-%m-%d %H:%M}"
    say(said)
    if tally.outside:
        show([{"customers": count, "kept out by": _why(each)} for each, count in _ordered(tally)])
    for line in _remarks(made):
        say(line)


def _remarks(made: "Export") -> Iterator[str]:
    tally = made.tally
    if not made.records:
        yield "Nothing is recorded (--dry-run): do not contact anybody by this file."
    else:
        yield f"{tally.recorded:,} decisions recorded, {tally.already:,} were already."
    if tally.refused_since:
        yield f"{tally.refused_since:,} who were recorded have refused since and are left out: do not contact them by an older file."
    if made.limit is not None and tally.members >= made.limit:
        yield f"It ends after {made.limit:,} members (--limit): who comes later was not considered."
    for why, count in sorted(tally.again.items()):
        yield f"{count:,} were decided about anew: {_AGAIN[why]}."
    if tally.without_address:
        yield f"{tally.without_address:,} members have no address that is known for the channel."


_AGAIN = {
    "contacted": "somebody else contacted them in between",
    "exhausted": "a budget ran out in between",
    "known": "somebody else recorded their decision in between",
}


def _told(made: "Export", output: Path) -> dict[str, Any]:
    tally, wanted = made.tally, made.wanted
    asked = {"output": str(output), "action_id": wanted.action_id, "channel": wanted.channel, "as_of": wanted.at.isoformat()}
    counts = {name: getattr(tally, name) for name in ("considered", "members", "recorded", "already", "refused_since", "without_address")}
    outside = [
        {"why": each.why, "code": each.code, "sentence": each.sentence, "sentence_vi": each.sentence_vi, "customers": count}
        for each, count in _ordered(tally)
    ]
    return {**asked, "dry_run": not made.records, **counts, "decided_anew": dict(tally.again), "outside": outside}


def _ordered(tally: "Tally") -> "list[tuple[Outside, int]]":
    """Most customers first."""
    return sorted(tally.outside.items(), key=lambda item: (-item[1], item[0].why, item[0].code, item[0].sentence))


def _why(each: "Outside") -> str:
    return f"{each.code}: {each.sentence}" if each.why == "gate" else each.sentence


COMMANDS = (audience,)
