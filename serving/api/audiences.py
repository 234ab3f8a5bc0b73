"""Who would get an action now: a preview of what `nextbest audience` exports, page by page; nothing is recorded."""

from collections import Counter
from collections.abc import Generator, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import AfterValidator, BaseModel, Field, ValidationError

from decisions.audience import AudienceAsk, Left, Outside, checked_action
from serving.api.parameters import only
from serving.audience_rows import CLEAR
from serving.audiences import Considered, considered, up_to
from serving.auth import require
from serving.cursors import cursor, damaged, fields_of
from serving.dependencies import Ours, Serving
from serving.fields import Id
from serving.negotiation import NAMES as FORMAT_NAMES
from serving.negotiation import wanted_format
from serving.state.everybody import customer_ids
from serving.streaming import Streamed
from serving.table_formats import Answer, Format
from serving.wire.audiences import AudiencePage
from serving.wire.churn import Language

router = APIRouter(prefix="/v1", tags=["audiences"])

MOST_MEMBERS: Final = 200
MOST_SCANNED: Final = 500
"""Customers that one page considers: each costs about a millisecond."""
_KIND: Final = "audience"
_EARLIEST: Final = datetime(1970, 1, 1)
_LATEST: Final = datetime(2200, 1, 1)

Wanted = Annotated[Format | None, Depends(wanted_format)]


class Asked(BaseModel):
    """Which page, of which channel."""

    channel: Id | None = Field(default=None, description="only by this channel of the action")
    limit: int = Field(default=100, ge=1, le=MOST_MEMBERS, description="members of a page at most")
    cursor: str | None = Field(default=None, description="next_cursor of the page before")
    locale: Language | None = Field(default=None, description="the language of customers whose own is not known")
    format: str | None = Field(default=None, description=f"{', '.join(FORMAT_NAMES)}; stands above Accept")


def _of_our_time(at: datetime) -> datetime:
    """As our cursors have it: naive, of a time that can be reckoned with."""
    if at.tzinfo is not None or not _EARLIEST <= at < _LATEST:
        raise ValueError("no time of ours")
    return at


class _Page(BaseModel):
    """What a cursor holds: whose audience, after whom it goes on, and what is left of budgets there."""

    action_id: str
    channel: str | None
    at: Annotated[datetime, AfterValidator(_of_our_time)]
    after: str | None = None
    left: dict[str, tuple[float | None, float | None]] | None = None


_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {each.media_type: {} for each in CLEAR.formats}},
    400: {"description": "the action does not exist or does not go by this channel; a cursor that is damaged, or of another list"},
    406: {"description": "Accept names no format that is written here"},
}


@router.get(
    "/audiences/{action_id}",
    dependencies=[Depends(require("crm")), Depends(only(Asked))],
    response_model=AudiencePage,
    responses=_RESPONSES,
)
def preview_audience(
    action_id: Annotated[Id, Path(examples=["winback_offer"])], asked: Annotated[Asked, Query()], wanted: Wanted, ours: Ours
) -> Response:
    """A page of the customers who would get this action, with the message for each. Nothing is recorded: `nextbest audience` exports."""
    page = _page(action_id, asked, ours)
    found, more = _considered(page, asked, ours)
    shop = ours.policy.catalogue.shop
    members = [each.decision for each in found if each.outside is None]
    after = cursor(_KIND, _next(page, found).model_dump(mode="json")) if more else None
    if wanted is not None:
        written = next(each for each in CLEAR.formats if each.name == wanted.name)
        headers = {"Scanned": str(len(found)), **({"Next-Cursor": after} if after else {})}
        return Streamed(_once([CLEAR.row(each, shop) for each in members]), written, filename="audience", headers=headers)
    body = {
        "members": [CLEAR.values(each, shop) for each in members],
        "scanned": len(found),
        "outside": _counted([each.outside for each in found if each.outside is not None]),
        "as_of": page.at,
        "next_cursor": after,
    }
    return Response(orjson.dumps(body), media_type="application/json", headers={"Vary": "Accept"})


def _page(action_id: str, asked: Asked, ours: Serving) -> _Page:
    """Where this page begins. A ProblemError for a cursor of another audience, an InputError for an action that has none."""
    checked_action(AudienceAsk(action_id, ours.clock.now(), asked.channel), ours.policy.catalogue)
    if asked.cursor is None:
        return _Page(action_id=action_id, channel=asked.channel, at=ours.clock.now())
    try:
        page = _Page(**fields_of(_KIND, asked.cursor))
    except ValidationError as error:
        raise damaged() from error
    if (page.action_id, page.channel) != (action_id, asked.channel):
        raise damaged()
    return page


def _considered(page: _Page, asked: Asked, ours: Serving) -> tuple[list[Considered], bool]:
    """Who is considered on this page, and whether there is another one."""
    of = AudienceAsk(page.action_id, page.at, page.channel)
    at_once = min(MOST_SCANNED, max(100, 5 * asked.limit))
    with ours.state.reading() as connection:
        ids = customer_ids(connection, after=page.after, limit=at_once + 1)
        found = considered(connection, ours.desk, of, ids[:at_once], page.left, locale=asked.locale or "", today=ours.clock.now())
    shown = up_to(found, asked.limit)
    return shown, len(shown) < len(ids)


def _next(page: _Page, found: Sequence[Considered]) -> _Page:
    left: Left | None = next((each.left for each in reversed(found) if each.left is not None), page.left)
    return page.model_copy(update={"after": found[-1].customer_id, "left": None if left is None else dict(left)})


def _counted(outside: Sequence[Outside]) -> list[dict[str, Any]]:
    return [{**vars(each), "customers": count} for each, count in Counter(outside).most_common()]


def _once(rows: Sequence[Answer]) -> Generator[Sequence[Answer]]:
    yield rows
