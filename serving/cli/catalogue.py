"""The commands for whoever keeps the catalogue: look it through, and tell everything about one action."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from features.errors import InputError
from serving.cli.console import note, say, say_json, show
from serving.cli.workspace import Workspace, of

if TYPE_CHECKING:
    from decisions.actions import Action, Catalogue
    from decisions.limits import Limits
    from decisions.messages import Message
    from decisions.rule_doubts import ShopValues

app = typer.Typer(no_args_is_help=True)
File = Annotated[Path | None, typer.Option("--catalogue", help="Another file than the home's config/catalogue.yaml.")]


class Loaded(NamedTuple):
    """The catalogue and limits at hand, the currency that they are in, and the catalogue's file."""

    catalogue: "Catalogue"
    limits: "Limits"
    currency: str
    path: Path


@app.command()
def check(context: typer.Context, catalogue: File = None) -> None:
    """Look the catalogue and the limits through: what each stage can do, and what is probably not meant.

    The first mistake ends it with exit code 2, and is named with its file, line, action and remedy. What can be used but looks wrong is listed at the end: a
    stage without an action, a city that no customer has, a category that no product is in, a text that is missing in a language, a limit that is never
    reached, another currency than the home's.
    """
    from decisions.catalogue_doubts import doubts, locales_of

    work = of(context)
    found = _loaded(work, catalogue)
    remarks = doubts(found.catalogue, found.limits, _shop_values(work, found.catalogue))
    rows = _stages(found.catalogue)
    if work.json:
        told = {"catalogue": str(found.path), "digest": found.catalogue.digest, "actions": len(found.catalogue.actions) - 1}
        stages = {row["stage"]: row["actions"].split(", ") if row["actions"] else [] for row in rows}
        say_json({**told, "locales": locales_of(found.catalogue), "stages": stages, "warnings": remarks})
        return
    show(rows)
    texts = sum(len(said) for action in found.catalogue.actions for said in action.treatments.values())
    spoken = f"{texts} texts in {' and '.join(locales_of(found.catalogue))}" if texts else "no texts"
    say(f"{found.path}: {len(found.catalogue.actions) - 1} actions, {spoken}. No mistakes; {_count(len(remarks), 'remark')}.")
    for remark in remarks:
        say(f"  - {remark}")


@app.command()
def explain(
    context: typer.Context,
    action: Annotated[str, typer.Argument(help="The action_id, as nextbest catalogue check lists it.")],
    catalogue: File = None,
    locale: Annotated[str, typer.Option(help="Show the messages in this language alone: vi, en.")] = "",
    output: Annotated[Path | None, typer.Option(help="Write a page that shows the messages as customers see them: preview.html")] = None,
) -> None:
    """Tell everything about one action: who may get it, when, for whom it is good, what it costs and brings, what limits it, what it says.

    The messages are filled for an example customer with example products.
    """
    from decisions.catalogue_explained import example_messages, explained, find_action

    work = of(context)
    found = _loaded(work, catalogue)
    one = find_action(found.catalogue, action)
    order = _example_order(found.currency)
    sections = explained(one, found.catalogue, found.limits, currency=found.currency, order_value=order)
    now = datetime.now(UTC).replace(tzinfo=None)
    messages = example_messages(one, found.catalogue, as_of=now, currency=found.currency or "EUR", locale=locale)
    if output is not None:
        _write_page(output, one, messages, sections)
    if work.json:
        told = {part.title: part.sentences for part in sections}
        say_json({"action_id": one.action_id, "explained": told, "messages": [asdict(each) for each in messages]})
        return
    for part in sections:
        say(part.title)
        for sentence in part.sentences:
            say(f"  {sentence}")
    for each in messages:
        _say_message(each)
    if output is not None:
        note(f"    {output}: open it in a browser")


def _loaded(work: Workspace, file: Path | None) -> Loaded:
    """The home's catalogue and limits, or another catalogue; without a home the default ones."""
    from decisions.catalogue import DEFAULT_CATALOGUE, load_catalogue
    from decisions.default_catalogue import home_catalogue
    from decisions.limits import DEFAULT_LIMITS, load_limits
    from features.profiles import customer_columns

    if not _has_home(work):
        chosen = file or work.settings.catalogue
        read = load_catalogue(chosen) if chosen else _default_in(work.settings.currency)
        which = "the limits are" if chosen else "catalogue and limits are"
        note(
            f"    There is no home at {work.settings.home} (another is named by --home): {which} the default ones, "
            "and rules know none of your customers' own columns."
        )
        return Loaded(read, load_limits(catalogue=read), read.currency, chosen or DEFAULT_CATALOGUE)
    home = work.home()
    path = file or work.settings.catalogue or home_catalogue(home)
    read = load_catalogue(path, attributes=customer_columns(home), currency=home.currency)
    return Loaded(read, load_limits(work.rules(DEFAULT_LIMITS), catalogue=read), read.currency or home.currency, path)


def _default_in(currency: str) -> "Catalogue":
    """The default catalogue as a home in this currency would get it."""
    from decisions.catalogue import DEFAULT_CATALOGUE, catalogue_of
    from decisions.default_catalogue import default_catalogue_for
    from decisions.reading import document_of

    return catalogue_of(document_of(default_catalogue_for(currency), str(DEFAULT_CATALOGUE)), currency=currency)


def _shop_values(work: Workspace, catalogue: "Catalogue") -> "ShopValues":
    """What the home's customers and products have; nothing without a home."""
    from decisions.rule_doubts import PRODUCT_COLUMNS, ShopValues, named_columns
    from features.column_values import column_values, read_columns
    from features.contract import CUSTOMERS, PRODUCTS

    if not _has_home(work):
        return ShopValues()
    home = work.home()
    customers = column_values(home.table(CUSTOMERS.name), named_columns(catalogue))
    return ShopValues(customers, read_columns(home.table(PRODUCTS.name), PRODUCT_COLUMNS))


def _has_home(work: Workspace) -> bool:
    return (work.settings.home.expanduser() / "home.json").exists()


def _stages(catalogue: "Catalogue") -> list[dict[str, Any]]:
    from decisions.catalogue_doubts import acting
    from features.contract import STAGES

    rows = []
    for stage in STAGES:
        actions = [action for action in acting(catalogue) if not action.stages or stage in action.stages]
        channels = dict.fromkeys(channel for action in actions for channel in action.channels)
        offers = sum(action.offer is not None for action in actions)
        names = ", ".join(action.action_id for action in actions)
        rows.append({"stage": stage, "count": len(actions), "with offer": offers, "channels": ", ".join(channels), "actions": names})
    return rows


def _example_order(currency: str) -> float:
    from decisions.catalogue_explained import ORDERS
    from decisions.default_catalogue import PER_EURO

    return ORDERS * PER_EURO.get(currency, 1.0)


def _say_message(one: "Message") -> None:
    say("")
    say(f"By {one.channel}, in {one.locale}{f', from {one.sender.name}, {one.sender.title}' if one.sender else ''}")
    if one.subject:
        say(f"  Subject: {one.subject}")
    for line in str(one.body).splitlines():
        say(f"  {line}")


def _write_page(output: Path, action: "Action", messages: "tuple[Message, ...]", sections: Any) -> None:
    from decisions.preview import page
    from features.home import replace_text

    try:
        replace_text(output, page(f"{action.name} ({action.action_id})", messages, sections))
    except OSError as error:
        raise InputError(
            f"{output} cannot be written: {error.strerror}.", remedy="Name a file in a folder that you may write to."
        ) from error


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
