"""Publishes a home: gathers from tables and champions what serving needs, and writes it to the state database."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from typing import Any

from serving.cli.champion import has_champion
from serving.cli.console import counting, note
from serving.cli.scoring import churn_scores
from serving.cli.workspace import Workspace

_WAIT_SECONDS = 600.0  # as long as a large file takes to be ingested


@contextmanager
def state_of(work: Workspace) -> Iterator[Any]:
    """The home's state database, brought to this version and open."""
    from serving.state.database import open_state
    from serving.state.migrate import migrate

    migrate(work.database_url())
    state = open_state(work.database_url())
    try:
        yield state
    finally:
        state.close()


def publish_changes(work: Workspace, at: datetime, scores: Any | None = None) -> None:
    """Publishes, unless the last publication was made of the same data, champions, rules and time.

    `scores` are everybody's as of `at`, with reasons; they are computed where they are not given.
    """
    from serving.state.publications import current

    with state_of(work) as state:
        with state.reading() as connection:
            newest = current(connection)
        if newest is not None and newest.facts.get("made_of") == _made_of(work, at):
            note("  publish: nothing changed since the last time")
        else:
            _published(work, at, state, scores)


def publish_scores(work: Workspace, at: datetime, scores: Any) -> None:
    """Publishes these scores as `publish_changes` does, unless a later time is published: looking back changes nothing that others see."""
    from serving.state.publications import current

    with state_of(work) as state, state.reading() as connection:
        newest = current(connection)
    if newest is not None and newest.facts_as_of > at:
        note(
            f"  not published: scores of a later time are ({newest.facts_as_of:%Y-%m-%d %H:%M}); nextbest publish --as-of {at:%Y-%m-%d} goes back"
        )
    else:
        publish_changes(work, at, scores)


def publish_tables(work: Workspace, at: datetime) -> Any:
    """Publishes histories, profiles, contacts and products, and scores and levels as of `at`; says what."""
    with state_of(work) as state:
        return _published(work, at, state)


def _made_of(work: Workspace, at: datetime, pinned: Any | None = None) -> dict[str, Any]:
    from features.build import data_hash
    from features.history import FORMAT
    from features.journey import DEFAULT_STAGES
    from serving import publishing
    from training.bands import DEFAULT_BANDS
    from training.segments.rfm import DEFAULT_SEGMENTS

    home = work.home()
    return {
        "data": data_hash(pinned or home),
        "champions": _champions(work),
        "as_of": at.isoformat(),
        "history_format": FORMAT,
        "publication_format": publishing.CONTENTS,
        "rules": [sha256(work.rules(default).read_bytes()).hexdigest() for default in (DEFAULT_BANDS, DEFAULT_STAGES, DEFAULT_SEGMENTS)],
        "timezone": home.timezone,
        "currency": home.currency,
    }


def _published(work: Workspace, at: datetime, state: Any, scores: Any | None = None) -> Any:
    """Publishes the home's tables as they are at one moment: what is ingested or synced meanwhile is in the next publication."""
    from features.engine import open_tables
    from features.ingest.posted import known_events
    from features.pinned import pinned
    from serving.held import Held
    from serving.state.synced import last_sync

    synced = 0

    def remember() -> None:
        nonlocal synced
        with state.reading() as connection:
            synced = last_sync(connection)

    with pinned(work.home(), wait_seconds=_WAIT_SECONDS, when_pinned=remember) as home:
        seen = open_tables(home, **work.engine())
        held = Held(synced, lambda event_ids: known_events(seen.events, event_ids))
        return _published_tables(work, seen, at, state, scores, made_of=_made_of(work, at, home), held=held)


def _published_tables(
    work: Workspace, tables: Any, at: datetime, state: Any, scores: Any | None, *, made_of: dict[str, Any], held: Any
) -> Any:
    from features import batch
    from features.contacts import contact_history, mean_converted_value
    from features.cutoffs import default_as_of
    from features.definitions import FEATURES
    from features.histories import customer_ids, histories
    from features.journey import DEFAULT_STAGES, level_features, levels, load_stages
    from features.own_rows import ShopFacts
    from features.products import known_products
    from features.profiles import consents, profiles
    from features.visitors import identified_visitors
    from serving.publishing import publish
    from training.segments.rfm import EDGE_FEATURES, rfm_edges

    until = max(at, default_as_of(tables))
    if scores is None and has_champion(work.home(), "churn"):
        scores = churn_scores(work, tables, at, None, reasons=True, hindsight=False)
    stages = load_stages(work.rules(DEFAULT_STAGES))
    needed = {*level_features(stages), *EDGE_FEATURES}
    everybody = batch.features(tables, [at], [feature for feature in FEATURES if feature.name in needed])
    with counting("publish customers", len(customer_ids(tables, until))) as progress:
        return publish(
            state,
            as_of=at,
            known_until=until,
            histories=histories(tables, until),
            profiles=profiles(tables),
            consents=consents(tables),
            contacts=contact_history(tables, until),
            visitors=identified_visitors(tables, until),
            products=tables.products.to_pandas(),
            shop=ShopFacts(known_products(tables), tables.timezone),
            scores=scores,
            levels=levels(everybody, stages),
            rfm=rfm_edges(everybody),
            currency=work.home().currency,
            conversion_value=mean_converted_value(tables, at),
            made_of=made_of,
            held=held,
            progress=progress,
        )


def _champions(work: Workspace) -> dict[str, str]:
    """The exported champions' manifests, by kind: they change when a champion does."""
    from training.artifacts import manifest_hash

    folders = sorted(path for path in work.home().champions.glob("[!.]*") if path.is_dir())
    return {folder.name: manifest_hash(folder) for folder in folders}
