"""Commands about models: train, models, promote, rollback, and segments, which shows what personas say."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

import typer

from features.errors import InputError
from serving.cli.console import note, say, say_json, show, step
from serving.cli.data import AsOf
from serving.cli.publication import publish_changes
from serving.cli.segments import segments
from serving.cli.workspace import Workspace, of

KINDS = ("churn", "value", "affinity", "response", "personas", "journey")
ALL = "all"


@dataclass(frozen=True)
class Order:
    """What every recipe is told: the time, the horizon (None fits the shop's rhythm), the data's hash, and how long to tune."""

    as_of: datetime
    horizon_days: int | None
    data_hash: str
    trials: int | None = None


def train(
    context: typer.Context,
    kinds: Annotated[
        list[str] | None, typer.Argument(help="churn, value, affinity, response, personas, journey, or all.", show_default="all")
    ] = None,
    as_of: AsOf = None,
    horizon_days: Annotated[
        int | None,
        typer.Option(
            min=1, help="Churn and value look this far ahead, affinity is chosen and measured by it (default: fits the shop's rhythm)"
        ),
    ] = None,
    trials: Annotated[
        int | None, typer.Option(min=1, help="Shapes of trees that churn compares; 1 takes the usual one (default: 6)")
    ] = None,
) -> None:
    """Train on what was known before a time, evaluate, register, and promote when the gate says so; then publish the champions."""
    wanted = _wanted(kinds)
    work = of(context)
    trained = train_kinds(work, wanted, as_of, horizon_days, trials=trials, skip_impossible=kinds is None or ALL in kinds)
    if work.json:
        say_json([vars(one) for one in trained])
    else:
        show([{"model": t.kind, "version": t.version, "champion": "yes" if t.promoted else "no", "why": t.why} for t in trained])
        for one in trained:
            if one.table:
                say(f"{one.kind}:")
                show(one.table)


def train_kinds(
    work: Workspace,
    kinds: tuple[str, ...],
    as_of: str | None,
    horizon_days: int | None,
    *,
    trials: int | None = None,
    skip_impossible: bool,
) -> list[Any]:
    """Trains these kinds one after the other; what the data cannot give is said and left out with `skip_impossible`, an error without."""
    from features.build import data_hash

    tables = work.tables()
    at = work.as_of(as_of, tables)
    registry, order = work.registry(), Order(at, horizon_days, data_hash(work.home()), trials)
    trained = []
    for kind in kinds:
        try:
            with step(f"train {kind} as of {at:%Y-%m-%d}"):
                trained.append(RECIPES[kind](work, tables, registry, order))
            for warning in trained[-1].warnings:
                note(f"    {kind}: {warning}")
        except InputError as error:
            if not skip_impossible:
                _brought_to_serving(work, registry, at, trained)
                raise
            note(f"  {kind}: {error.problem} {error.remedy}")
    if not trained:
        raise InputError("Nothing could be trained.", remedy="See above, and bring in what is missing: nextbest ingest.")
    _brought_to_serving(work, registry, at, trained)
    return trained


def _brought_to_serving(work: Workspace, registry: Any, at: datetime, trained: list[Any]) -> None:
    """Exports and publishes what could be trained, also where another kind could not."""
    if trained:
        registry.export_champions(work.home().champions)
        publish_changes(work, _publish_as_of(registry, at))


def _publish_as_of(registry: Any, at: datetime) -> datetime:
    """Scores are published as of the training's time, or of a later one that a kept champion knows already."""
    champion = registry.champion("churn")
    return at if champion is None else max(at, datetime.fromisoformat(champion.tags["as_of"]))


def models(context: typer.Context) -> None:
    """List the registered models: versions, aliases, metrics."""
    registry = of(context).registry()
    rows = [version for kind in KINDS for version in registry.versions(kind)]
    if of(context).json:
        say_json([vars(row) for row in rows])
    elif rows:
        show([{"model": v.kind, "version": v.version, "alias": ", ".join(v.aliases), **_shown(v)} for v in rows])
    else:
        note("No models yet: nextbest train")


def promote(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="churn, value, affinity, response, personas or journey.")],
    version: Annotated[str, typer.Argument()],
) -> None:
    """Make a registered version the champion."""
    _change(context, name, lambda registry: registry.version(name, version).version, lambda registry: registry.promote(name, version))


def rollback(
    context: typer.Context, name: Annotated[str, typer.Argument(help="churn, value, affinity, response, personas or journey.")]
) -> None:
    """Make the champion before the present one champion again."""
    _change(context, name, lambda registry: registry.earlier(name), lambda registry: registry.rollback(name))


def _change(context: typer.Context, name: str, find: Callable[[Any], str], change: Callable[[Any], Any]) -> None:
    """Finds the version that is to be champion, proves that it can be used, and only then makes it champion: for servers, then in the registry.

    In this order a rollback that was killed in between goes back one step when it is run again, not two.
    """
    from training.export import link_version
    from training.loading import load

    _check_kind(name)
    work = of(context)
    registry = work.registry()
    version = find(registry)
    folder, champions = registry.fetch(name, version), work.home().champions
    if not load(name, folder).is_proven:
        note(f"  {name} version {version} is older than golden predictions: whether it says what it said when it was trained is not known.")
    link_version(folder, champions, name, version)
    change(registry)
    registry.export_champions(champions)  # of other kinds, whose training was stopped
    say_json({"model": name, "champion": version}) if work.json else say(
        f"{name}: version {version} is the champion; running servers take it by themselves, within moments"
    )


def _churn(work: Workspace, tables: Any, registry: Any, order: Order) -> Any:
    from training.recipes import TRIALS, train_churn

    trials, threads = order.trials or TRIALS, work.settings.threads
    return train_churn(tables, registry, order.as_of, order.horizon_days, trials=trials, data_hash=order.data_hash, threads=threads)


def _value(work: Workspace, tables: Any, registry: Any, order: Order) -> Any:
    from training.recipes import train_value

    return train_value(tables, registry, order.as_of, order.horizon_days, data_hash=order.data_hash, threads=work.settings.threads)


def _affinity(work: Workspace, tables: Any, registry: Any, order: Order) -> Any:
    from serving.cli.affinity_engine import factorise_there
    from training.affinity.recipe import train_affinity

    return train_affinity(
        tables,
        registry,
        order.as_of,
        horizon_days=order.horizon_days,
        data_hash=order.data_hash,
        factorise=factorise_there(work, tables),
        progress=lambda what: note(f"    affinity: {what}"),
    )


def _response(work: Workspace, tables: Any, registry: Any, order: Order) -> Any:
    from training.recipes import train_response

    priors = {action.action_id: action.response_prior for action in work.catalogue().actions}
    return train_response(tables, registry, order.as_of, priors, data_hash=order.data_hash)


def _personas(_: Workspace, tables: Any, registry: Any, order: Order) -> Any:
    from training.segments.recipe import train_personas

    return train_personas(tables, registry, order.as_of, data_hash=order.data_hash)


def _journey(work: Workspace, tables: Any, registry: Any, order: Order) -> Any:
    from features.journey import DEFAULT_STAGES, load_stages
    from training.journey.recipe import train_journey

    stages = load_stages(work.rules(DEFAULT_STAGES))
    return train_journey(tables, registry, order.as_of, stages, data_hash=order.data_hash)


RECIPES: Final[dict[str, Callable[[Workspace, Any, Any, Order], Any]]] = {
    "churn": _churn,
    "value": _value,
    "affinity": _affinity,
    "response": _response,
    "personas": _personas,
    "journey": _journey,
}


def _wanted(kinds: list[str] | None) -> tuple[str, ...]:
    if not kinds or ALL in kinds:
        return KINDS
    for kind in kinds:
        _check_kind(kind)
    return tuple(kind for kind in KINDS if kind in kinds)


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise InputError(f"There is no model {kind!r}.", remedy=f"Choose from: {', '.join(KINDS)}.")


def _shown(version: Any) -> dict[str, Any]:
    return {
        "as_of": version.tags.get("as_of", ""),
        "horizon": version.tags.get("horizon_days", ""),
        "verdict": version.tags.get("verdict", ""),
    }


COMMANDS = (train, models, promote, rollback, segments)
