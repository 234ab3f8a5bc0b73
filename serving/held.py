"""What a publication holds of the posted rows, which leave the state database in the moment in which it becomes visible."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from features.contract import EVENTS
from serving.state import synced
from serving.state.database import State

_MARKS: Final = 2_000


@dataclass(frozen=True)
class Held:
    """What a publication holds of the posted rows: those synced up to `last_sync`, and events that came by a file as well.

    `known_events` says which of some event_ids are in the tables that are published.
    """

    last_sync: int
    known_events: Callable[[list[str]], list[str]]

    def mark_known(self, state: State) -> None:
        """Marks posted events which the published tables have although no sync brought them: they came by a file, or a sync was killed."""
        with state.reading() as connection:
            unsynced = list(synced.unsynced_event_ids(connection))
        for batch in unsynced:
            known = set(self.known_events([event_id for event_id, _ in batch]))
            rows = [(event_id, 0, whose) for event_id, whose in batch if event_id in known]
            for start in range(0, len(rows), _MARKS):
                with state.writing() as connection:
                    synced.mark(connection, EVENTS.name, rows[start : start + _MARKS], self.last_sync)

    def remove(self, connection: Connection, generation: int) -> dict[str, int]:
        """Removes what the generation holds from the posted rows, in the transaction in which it becomes visible; how many, by table."""
        return synced.remove_published(connection, generation, self.last_sync)
