"""A list of scores that somebody pages through: which publication, which customers, which order, and where they are in it."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection

from serving import cursors
from serving.errors import ProblemError
from serving.state import score_lists
from serving.state.score_lists import Filters, Order, Place, Scored

DEFAULT_LIMIT: Final = 100
_KIND: Final = "churn"


@dataclass(frozen=True)
class Listing:
    """One list, and the place in it after which it goes on; `total` counts the customers of the whole list."""

    of: Scored
    filters: Filters
    order: Order
    total: int
    after: Place | None = None


def newest(connection: Connection, filters: Filters, order: Order, now: datetime) -> Listing:
    """The list of the newest publication, from its beginning. A ProblemError (409) where no scores are, or they are of a later time than now."""
    found = score_lists.scored(connection)
    if found is None:
        raise ProblemError(
            409, "No scores are published.", remedy="Run: nextbest train churn value, which also publishes.", kind="nothing-published"
        )
    if found.as_of > now:
        raise ProblemError(
            409,
            f"The published scores are of a later time ({found.as_of:%Y-%m-%d}) than this server's clock ({now:%Y-%m-%d}).",
            remedy=f"Run: nextbest publish --as-of {now:%Y-%m-%d}, or serve a later time.",
            kind="scores-of-later-time",
        )
    return Listing(found, filters, order, score_lists.count(connection, found.generation, filters))


def cursor_after(listing: Listing, row: Any) -> str:
    """The cursor with which this list goes on after a row of it."""
    place = score_lists.place_of(row, listing.order)
    return cursors.cursor(
        _KIND,
        {
            "generation": listing.of.generation,
            "filters": listing.filters.given(),
            "order": [listing.order.column, listing.order.descending],
            "total": listing.total,
            "after": [place.value, place.customer_id],
        },
    )


def at_cursor(connection: Connection, cursor: str, filters: Filters, order: Order | None) -> Listing:
    """The list that this cursor is of, at its place; filters and order that are given beside it must be its own.

    Raises a ProblemError: 400 for a cursor that is damaged or of another list, 410 where its publication is gone.
    """
    fields = cursors.fields_of(_KIND, cursor)
    own, own_order, after = _held(fields)
    if filters.given().items() - own.given().items() or order not in (None, own_order):
        raise ProblemError(
            400,
            "The cursor is of a list with other filters or another order.",
            remedy="Leave filters and sort as they were, or leave them out: the cursor holds them. To change them, begin without a cursor.",
            kind="invalid-cursor",
        )
    found = score_lists.scored(connection, fields["generation"])
    if found is None:
        raise ProblemError(
            410,
            "The scores that this list was made of are gone: newer ones were published.",
            remedy="Begin again without the cursor.",
            kind="list-is-gone",
        )
    return replace(Listing(found, own, own_order, fields["total"]), after=after)


def _held(fields: dict[str, Any]) -> tuple[Filters, Order, Place]:
    """The filters, the order and the place that a cursor holds; 400 for what this version would not have written."""
    try:
        given: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in fields["filters"].items()}
        own, order = Filters(**given), Order(*fields["order"])
        value, customer_id = fields["after"]
        if order.column not in score_lists.SORTS or not isinstance(fields["generation"], int) or not isinstance(fields["total"], int):
            raise cursors.damaged()
        return own, order, Place(_typed(value, order), str(customer_id))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise cursors.damaged() from error


def _typed(value: Any, order: Order) -> Any:
    return date.fromisoformat(value) if value is not None and order.column == "expected_next_order_on" else value
