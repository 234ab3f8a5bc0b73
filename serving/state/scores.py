"""Published scores, and who came into another risk band by a publication."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, literal, select, text

from serving.state.publications import current_generation
from serving.state.tables import BAND_CHANGES, PUBLISHED_SCORES


def add(connection: Connection, generation: int, rows: Sequence[dict[str, Any]]) -> None:
    """Writes scores of this generation: rows of the table but for the generation, each with every column."""
    if rows:
        connection.execute(insert(PUBLISHED_SCORES), [{"generation": generation, **row} for row in rows])


def read_many(connection: Connection, customer_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The newest published scores of those of these customers who have any, by id: rows of the table."""
    mine = select(PUBLISHED_SCORES).where(
        PUBLISHED_SCORES.c.generation == current_generation(), PUBLISHED_SCORES.c.customer_id.in_(customer_ids)
    )
    return {row.customer_id: dict(row._mapping) for row in connection.execute(mine)}


def record_band_changes(connection: Connection, generation: int, recorded_at: datetime) -> None:
    """Records who stands in another band in this generation than in the one that readers see; to be called before it becomes that.

    Nobody is recorded by a first publication, nor who has no score or no band in either, nor by a generation that a newer one overtook.
    """
    _in_order(connection)
    old, new = PUBLISHED_SCORES.alias("old"), PUBLISHED_SCORES.alias("new")
    values = {
        "customer_id": new.c.customer_id,
        "recorded_at": literal(recorded_at),
        "as_of": new.c.as_of,
        "from_band": old.c.band,
        "to_band": new.c.band,
        "from_probability": old.c.churn_probability,
        "to_probability": new.c.churn_probability,
        "stage": new.c.stage,
        "model_version": new.c.model_version,
        "generation": new.c.generation,
    }
    before = current_generation()
    changed = (
        select(*values.values())
        .join(old, old.c.customer_id == new.c.customer_id)
        .where(new.c.generation == generation, old.c.generation == before, before < generation, old.c.band != new.c.band)
        .order_by(new.c.customer_id)
    )
    connection.execute(insert(BAND_CHANGES).from_select(list(values), changed))


def _in_order(connection: Connection) -> None:
    """Lets changes become visible in the order of their ids, so that who reads on from the last one misses none: recordings wait for each other."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"LOCK TABLE {BAND_CHANGES.name} IN SHARE ROW EXCLUSIVE MODE"))
