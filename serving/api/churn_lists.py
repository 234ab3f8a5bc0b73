"""Lists of customers by their risk, for the CRM: filtered, sorted, page by page or as one file."""

from collections.abc import Generator, Sequence
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from features.contract import STAGES
from serving.api.parameters import check_values, once, only, unusable
from serving.auth import require
from serving.churn_listing import DEFAULT_LIMIT, Listing, at_cursor, cursor_after, newest
from serving.churn_tables import FORMATS, NAMES, Answer, Format, published_answers
from serving.dependencies import Ours, Serving
from serving.fields import Number
from serving.negotiation import NAMES as FORMAT_NAMES
from serving.negotiation import wanted_format
from serving.state import score_lists
from serving.state.score_lists import SORTS, Filters, Order
from serving.streaming import Streamed
from serving.wire.churn import ChurnPage, Language

router = APIRouter(prefix="/v1", tags=["churn"])

MOST_OF_A_PAGE: Final = 1_000

Wanted = Annotated[Format | None, Depends(wanted_format)]


class Asked(BaseModel):
    """Which customers, in which order. A filter that may be repeated takes customers of any of its values; limits include their ends."""

    band: list[str] = Field(default=[], description="as config/bands.yaml names them; may be repeated, as stage, segment and persona")
    stage: list[str] = Field(default=[])
    segment: list[str] = Field(default=[])
    persona: list[str] = Field(default=[])
    min_probability: Number | None = Field(default=None, ge=0, le=1)
    max_probability: Number | None = Field(default=None, ge=0, le=1)
    min_clv: Number | None = None
    insufficient_data: bool | None = None
    sort: str = Field(default="-churn_probability", description=f"{', '.join(SORTS)}; with a leading minus falling. Missing values last")
    limit: int | None = Field(default=None, ge=1, description="100 in JSON where left out, at most 1,000; everybody in the other formats")
    cursor: str | None = Field(default=None, description="next_cursor of the page before: holds the filters and the order")
    locale: Language = "en"
    format: str | None = Field(default=None, description=f"{', '.join(FORMAT_NAMES)}; stands above Accept")

    def filters(self) -> Filters:
        """The filters asked for, repeated values once."""
        return Filters(
            bands=once(self.band),
            stages=once(self.stage),
            segments=once(self.segment),
            personas=once(self.persona),
            min_probability=self.min_probability,
            max_probability=self.max_probability,
            min_clv=self.min_clv,
            insufficient_data=self.insufficient_data,
        )

    def order(self) -> Order | None:
        """The order asked for; None where none was."""
        return Order(self.sort.removeprefix("-"), self.sort.startswith("-")) if "sort" in self.model_fields_set else None


_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {each.media_type: {} for each in FORMATS}},
    400: {"description": "a cursor that is damaged, or of another list"},
    406: {"description": "Accept names no format that is written here"},
    409: {"description": "no scores are published, or of a later time than the clock"},
    410: {"description": "the list of the cursor is gone"},
}
_CRM: Final = Depends(require("crm"))


@router.get("/churn", dependencies=[_CRM, Depends(only(Asked))], response_model=ChurnPage, responses=_RESPONSES)
def list_churn(asked: Annotated[Asked, Query()], wanted: Wanted, ours: Ours) -> Response:
    """The published customers that the filters select: a page in JSON, all of them as CSV, NDJSON or Parquet."""
    _check(asked, ours, page=wanted is None)
    if wanted is not None:
        return Streamed(_batches(asked, ours), wanted, filename="churn")
    with ours.state.reading() as connection:
        return _page(connection, _listing(connection, asked, ours), asked, ours.home.currency)


def _page(connection: Connection, listing: Listing, asked: Asked, currency: str) -> Response:
    limit = asked.limit or DEFAULT_LIMIT
    rows = score_lists.page(connection, listing.of.generation, listing.filters, listing.order, after=listing.after, limit=limit + 1)
    shown = rows[:limit]
    answers = published_answers(shown, asked.locale, currency)
    body = {
        "customers": [dict(zip(NAMES, answer, strict=True)) for answer in answers],
        "next_cursor": cursor_after(listing, shown[-1]) if len(rows) > limit else None,
        "as_of": listing.of.as_of,
        "total": listing.total,
        "model_version": listing.of.model_version,
    }
    return Response(orjson.dumps(body), media_type="application/json", headers={"Vary": "Accept"})


def _batches(asked: Asked, ours: Serving) -> Generator[Sequence[Answer]]:
    """Everybody whom the filters select, in one transaction: all of one publication."""
    with ours.streams.one(), ours.state.reading() as connection:
        listing = _listing(connection, asked, ours)
        found = score_lists.stream(
            connection, listing.of.generation, listing.filters, listing.order, after=listing.after, limit=asked.limit
        )
        for rows in found:
            yield published_answers(rows, asked.locale, ours.home.currency)


def _listing(connection: Connection, asked: Asked, ours: Serving) -> Listing:
    if asked.cursor is not None:
        return at_cursor(connection, asked.cursor, asked.filters(), asked.order())
    listing = newest(connection, asked.filters(), asked.order() or Order("churn_probability", descending=True), ours.clock.now())
    _check_groups(connection, listing, ours)
    return listing


def _check_groups(connection: Connection, listing: Listing, ours: Serving) -> None:
    """Raises a ProblemError (422) for segments and personas that there are not; a segment into which nobody fits is one."""
    segments, personas = listing.filters.segments, listing.filters.personas
    if segments:
        check_values("segment", segments, [*ours.segments.names, *score_lists.known_values(connection, listing.of.generation, "segment")])
    if personas:
        check_values("persona", personas, score_lists.known_values(connection, listing.of.generation, "persona"))


def _check(asked: Asked, ours: Serving, *, page: bool) -> None:
    """Raises a ProblemError (422) for what no list can have."""
    check_values("band", asked.band, ours.bands.names)
    check_values("stage", asked.stage, STAGES)
    if (asked.sort.removeprefix("-")) not in SORTS:
        raise unusable("sort", f"there is no order by {asked.sort!r}, but by {', '.join(SORTS)}, each with or without a leading minus")
    low, high = asked.min_probability, asked.max_probability
    if low is not None and high is not None and low > high:
        raise unusable("min_probability", f"{low:g} lies above max_probability, {high:g}")
    if page and asked.limit is not None and asked.limit > MOST_OF_A_PAGE:
        raise unusable("limit", f"a page has at most {MOST_OF_A_PAGE:,} customers: page on with cursor, or ask for text/csv")
