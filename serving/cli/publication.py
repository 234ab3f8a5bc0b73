"""Publishes a home: gathers from tables and champions what serving needs, and writes it to the state database."""

from typing import Any

from serving.cli.console import counting
from serving.cli.workspace import Workspace


def publish_tables(work: Workspace, as_of: str | None) -> Any:
    """Migrates the state database, exports the champions, and publishes histories, profiles, products and scores; says what."""
    from features.build import feature_table
    from features.contacts import contact_history
    from features.histories import customer_ids, histories
    from features.journey import DEFAULT_STAGES, levels, load_stages
    from features.profiles import consents, profiles
    from serving.cli.scores import churn_scores
    from serving.publishing import publish
    from serving.state.database import open_state
    from serving.state.migrate import migrate
    from training.registry import Registry

    tables = work.tables()
    at = work.as_of(as_of, tables)
    registry = Registry(work.home())
    registry.export_champions(work.home().champions)
    scores = churn_scores(work, tables, at, None, reasons=False, hindsight=False) if registry.champion("churn") else None
    shop = levels(feature_table(tables, at), load_stages(work.rules(DEFAULT_STAGES)))
    migrate(work.database_url())
    state = open_state(work.database_url())
    try:
        with counting("publish customers", len(customer_ids(tables, at))) as progress:
            return publish(
                state,
                as_of=at,
                histories=histories(tables, at),
                profiles=profiles(tables),
                consents=consents(tables),
                contacts=contact_history(tables, at),
                products=tables.products.to_pandas(),
                scores=scores,
                levels=shop,
                progress=progress,
            )
    finally:
        state.close()
