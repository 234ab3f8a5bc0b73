"""Products for a customer, a visitor, or a basket of things somebody looked at."""

from collections.abc import Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Final, Literal

import orjson
from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import ConfigDict, Field, ValidationError, model_validator
from starlette.datastructures import QueryParams

from decisions.merchandising import exclusions_of
from decisions.taste import LOOKED_AT, Did, Taste, taste
from features.instants import microseconds
from serving.api.kept import kept_answers, until_tomorrow
from serving.api.shown import Shown, plain_recommendation
from serving.auth import require
from serving.current import Seen
from serving.dependencies import Ours, Serving
from serving.fields import Body, Id, Instant, Number
from serving.offering import Shelf
from serving.recommending import Found, Wanted, recommend
from serving.remembered import Kept, Noted
from serving.state.somebody import Whom
from serving.wire.products import Recommendations

router = APIRouter(prefix="/v1", tags=["recommendations"])

_LONGEST_QUERY: Final = 2_000
"""Bytes of a query whose words are kept as they were read."""


class Happened(Body):
    """One thing that somebody bought or looked at."""

    product_id: Id
    event_type: Literal["purchase", "product_view", "add_to_cart", "remove_from_cart", "checkout_started"] = Field(
        default=LOOKED_AT, description="left out: they looked at it"
    )
    at: Instant | None = Field(default=None, description="left out: now")
    quantity: Number = Field(default=1.0, gt=0, description="pieces, of a purchase")


class Asked(Shown):
    """The same with how many."""

    limit: Annotated[int, Field(ge=1, le=200, description="how many products")] = 10


class RecommendationsIn(Body):
    """For whom: a customer, a visitor, or a history sent along."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"visitor_id": "v-1", "limit": 5},
                {"history": [{"product_id": "85123A", "event_type": "add_to_cart"}], "context": {"placement": "cart"}},
            ]
        }
    )

    customer_id: Id | None = None
    visitor_id: Id | None = None
    history: list[Happened] = Field(default_factory=list, max_length=1000)
    context: Shown = Field(default_factory=Shown)
    limit: int = Field(default=10, ge=1, le=200)

    @model_validator(mode="after")
    def _somebody(self) -> "RecommendationsIn":
        if (self.customer_id is not None) + (self.visitor_id is not None) > 1:
            raise ValueError("name customer_id or visitor_id, not both")
        return self


async def get_recommendations(
    customer_id: Annotated[Id, Path(examples=["17850"])], ours: Ours, asked: Annotated[Asked, Query()]
) -> Response:
    """The products that this customer will most likely want next. Everybody gets an answer: where it is not the model's, it says why."""
    return Response((await _listed(ours, customer_id, asked)).body, media_type="application/json")


async def _listed(ours: Serving, customer_id: str, asked: Asked) -> Kept:
    """The answer, and until when it holds."""
    seen = ours.reader.seen(*await ours.reading.rows(Whom(customer_id, None, ours.clock.now())))
    shelf = ours.offering.shelf(seen.shop, asked.filters, asked.placement, seen.now)
    found = _found(ours, seen, shelf, taste(seen.history, seen.profile), asked, limit=asked.limit, is_known=seen.known)
    noted = Noted(until_tomorrow(shelf.plan.until, seen.now), found.fallback, found.removed)
    return Kept(_answer(ours, shelf, found, asked, customer_id=customer_id), noted)


def _directly(ours: Serving, customer_id: str, query: bytes) -> Coroutine[Any, Any, Kept] | None:
    asked = _asked(query)
    return None if asked is None else _listed(ours, customer_id, asked)


@lru_cache(maxsize=1024)
def _asked(query: bytes) -> Asked | None:
    """What the words of a query ask; None where they cannot be taken: the usual way says why."""
    if len(query) > _LONGEST_QUERY:
        return None
    words = QueryParams(query)
    try:
        return Asked.model_validate({name: words.getlist(name) if name == "exclude" else value for name, value in words.items()})
    except ValidationError:
        return None


router.add_api_route(
    "/customers/{customer_id}/recommendations",
    get_recommendations,
    response_model=Recommendations,
    dependencies=[Depends(require("app"))],
    route_class_override=kept_answers(_directly),
)


@router.post("/recommendations", response_model=Recommendations, dependencies=[Depends(require("app"))])
async def post_recommendations(asked: RecommendationsIn, ours: Ours) -> Response:
    """The same for a visitor, or with a history that the app sends along: what they bought or looked at in this session."""
    now = ours.clock.now()
    visitor_id = None if asked.customer_id is not None else asked.visitor_id or ""
    seen = ours.reader.seen(*await ours.reading.rows(Whom(asked.customer_id, visitor_id, now)))
    known = taste(seen.history, seen.profile, _session(asked.history, now - timedelta(microseconds=1)))
    shelf = ours.offering.shelf(seen.shop, asked.context.filters, asked.context.placement, now)
    is_known = seen.known or asked.customer_id is None
    found = _found(ours, seen, shelf, known, asked.context, limit=asked.limit, is_known=is_known)
    return Response(_answer(ours, shelf, found, asked.context, customer_id=asked.customer_id), media_type="application/json")


def _found(ours: Serving, seen: Seen, shelf: Shelf, known: Taste, shown: Shown, *, limit: int, is_known: bool) -> Found:
    """The list for somebody, counted."""
    own = exclusions_of(seen.profile, ours.offering.rules.columns, shelf.plan.products)
    bought = known.bought if shown.exclude_purchased else frozenset[str]()
    wanted = Wanted(limit, replace(own, bought=bought, shown=frozenset(shown.exclude)), shown.exclude_purchased)
    found = recommend(known, wanted, shelf, ours.champions.affinity, seen.now, is_known=is_known)
    ours.metrics.count_list("recommendations", found.fallback, found.removed)
    return found


def _answer(ours: Serving, shelf: Shelf, found: Found, shown: Shown, *, customer_id: str | None) -> bytes:
    """`Recommendations` as JSON."""
    return orjson.dumps(
        {
            "customer_id": customer_id,
            "placement": shown.placement,
            "fallback": found.fallback is not None,
            "fallback_reason": found.fallback,
            "model_version": ours.champions.version("affinity"),
            "removed": dict(found.removed) if shown.explain else None,
            "recommendations": [
                plain_recommendation(shelf, rank, each, explain=shown.explain) for rank, each in enumerate(found.products, start=1)
            ],
        }
    )


def _session(history: list[Happened], just_now: datetime) -> list[Did]:
    """What the app says that they did, in the form that tells taste; nothing of it lies in the future."""
    return [(each.product_id, microseconds(min(each.at or just_now, just_now)), each.quantity, each.event_type) for each in history]
