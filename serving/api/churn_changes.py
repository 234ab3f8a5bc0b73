"""Changes of risk bands, for a CRM that acts on them: in the order of their recording, each once."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from serving import cursors
from serving.api.parameters import check_values, once, only
from serving.auth import require
from serving.dependencies import Ours
from serving.errors import ProblemError
from serving.fields import Instant
from serving.state import score_lists
from serving.wire.churn import Change, ChangePage

router = APIRouter(prefix="/v1", tags=["churn"])

_KIND: Final = "churn changes"


class AskedChanges(BaseModel):
    """Which changes."""

    since: Instant | None = Field(default=None, description="recorded at or after this instant; from the first one where left out")
    band: list[str] = Field(default=[], description="into this band; may be repeated")
    limit: int = Field(default=100, ge=1, le=1_000)
    cursor: str | None = Field(default=None, description="next_cursor of the page before: holds since and band")


class _Place(BaseModel):
    """What a cursor holds."""

    after: int = 0
    since: datetime | None = None
    bands: tuple[str, ...] = ()


@router.get(
    "/churn/changes",
    dependencies=[Depends(require("crm")), Depends(only(AskedChanges))],
    responses={400: {"description": "a cursor that is damaged, or of another list"}},
)
def list_changes(asked: Annotated[AskedChanges, Query()], ours: Ours) -> ChangePage:
    """Who came into another risk band, oldest first; the cursor goes on where this page ends, now or later."""
    check_values("band", asked.band, ours.bands.names)
    place = _place(asked)
    with ours.state.reading() as connection:
        rows = score_lists.band_changes(connection, after=place.after, since=place.since, bands=place.bands, limit=asked.limit + 1)
        newest = score_lists.newest_change(connection)
    more = len(rows) > asked.limit
    reached = rows[asked.limit - 1].change_id if more else max(newest, place.after)
    cursor = cursors.cursor(_KIND, place.model_copy(update={"after": reached}).model_dump())
    return ChangePage(changes=[Change.model_validate(row._mapping) for row in rows[: asked.limit]], next_cursor=cursor, more=more)


def _place(asked: AskedChanges) -> _Place:
    given = _Place(since=asked.since, bands=once(asked.band))
    if asked.cursor is None:
        return given
    own = _Place.model_validate(cursors.fields_of(_KIND, asked.cursor))
    if given.since not in (None, own.since) or given.bands not in ((), own.bands):
        raise ProblemError(
            400,
            "The cursor is of a list with another since or other bands.",
            remedy="Leave since and band as they were, or leave them out: the cursor holds them.",
            kind="invalid-cursor",
        )
    return own
