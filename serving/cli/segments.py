"""The command that shows who the customers are: RFM segments and personas."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from features.errors import InputError
from serving.cli.champion import has_champion
from serving.cli.console import note, say, say_json, show, step
from serving.cli.data import AsOf
from serving.cli.scoring import champion, known_personas
from serving.cli.workspace import Workspace, of

if TYPE_CHECKING:
    import pandas as pd


def segments(
    context: typer.Context,
    as_of: AsOf = None,
    locale: Annotated[Literal["en", "vi"], typer.Option(help="The language of the personas' descriptions.")] = "en",
) -> None:
    """Show the RFM segments and the personas: how many customers, how recent, how often, for how much, and how likely to leave."""
    from training.segments.overview import overview
    from training.segments.rfm import DEFAULT_SEGMENTS, load_segments, rfm_edges, segments_of

    work = of(context)
    tables = work.tables()
    at = work.scoring_time(as_of, tables)
    rules, model = load_segments(work.rules(DEFAULT_SEGMENTS)), known_personas(work, at, hindsight=False)
    with step(f"segments as of {at:%Y-%m-%d}"):
        known, probability = _buyers(work, tables, at)
        rfm = overview(known, segments_of(known, rfm_edges(known), rules), probability, rules.names)
        found = None if model is None else overview(known, model.predict(known), probability, [one.label for one in model.personas])
    words = {} if model is None else {one.label: (one.name(locale), _description(work, one, locale)) for one in model.personas}
    if work.json:
        say_json({"as_of": at, "segments": _plain(rfm), "personas": [] if found is None else [_told(row, words) for row in _plain(found)]})
        return
    show([_shown(row, "segment") for row in _plain(rfm)])
    if found is None:
        note("No personas yet: nextbest train personas")
        return
    say("")
    show([{**_shown(row, "persona"), "name": words[row["group"]][0]} for row in _plain(found)])
    say("")
    for label, (_, description) in words.items():
        say(f"{label}: {description}")


def _buyers(work: Workspace, tables: Any, at: datetime) -> "tuple[pd.DataFrame, pd.Series | None]":
    """Features of everybody who bought, and their churn probabilities, where there is a model that may be asked about this time."""
    import pandas as pd

    from features import attributes, batch

    everybody = batch.features(tables, [at])
    known = everybody[everybody["order_day_count"] > 0].reset_index(drop=True)
    if known.empty:
        raise InputError(f"Nobody bought anything before {at:%Y-%m-%d %H:%M}.", remedy="Bring in orders, or choose a later --as-of.")
    if not has_champion(work.home(), "churn"):
        return known, None
    model = champion(work, "churn", at, hindsight=False)
    return known, pd.Series(model.predict(attributes.beside(known, tables, model.feature_names)), index=known.index)


def _description(work: Workspace, persona: Any, locale: str) -> str:
    return str(persona.description(locale, currency=work.home().currency))


def _plain(table: "pd.DataFrame") -> list[dict[str, Any]]:
    """The rows, with None for what is missing."""
    return [{str(name): None if value != value else value for name, value in row.items()} for row in table.to_dict("records")]


def _told(row: dict[str, Any], words: dict[str, tuple[str, str]]) -> dict[str, Any]:
    name, description = words[row["group"]]
    return {**row, "name": name, "description": description}


def _shown(row: dict[str, Any], title: str) -> dict[str, str]:
    """A row as people read it."""
    percent = {name: "" if row[name] is None else f"{row[name]:.0%}" for name in ("share", "value_share", "churn_probability")}
    numbers = {name: f"{row[name]:,.0f}" for name in ("customers", "days_since_last_order", "orders", "value")}
    return {
        title: row["group"],
        "customers": numbers["customers"],
        "share": percent["share"],
        "days since order": numbers["days_since_last_order"],
        "orders": numbers["orders"],
        "value": numbers["value"],
        "of all value": percent["value_share"],
        "churn": percent["churn_probability"],
    }
