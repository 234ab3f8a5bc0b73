"""Products for a customer, a visitor, or a basket of things somebody looked at."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from decisions.merchandising import exclusions_of
from decisions.taste import LOOKED_AT, Did, Taste, taste
from features.instants import microseconds
from serving.api.kept import KeptAnswers, note
from serving.api.shown import Recommendation, Shown, WhyFallback, recommendation
from serving.auth import require
from serving.current import Seen
from serving.dependencies import Ours, Serving
from serving.fields import Body, Id, Instant, Number
from serving.offering import Shelf
from serving.recommending import Found, Wanted, recommend
from serving.state.somebody import Whom

router = APIRouter(prefix="/v1", tags=["recommendations"])

_PRODUCT: JsonDict = {
    "product_id": "85123A",
    "rank": 1,
    "name": "WHITE HANGING HEART T-LIGHT HOLDER",
    "category": None,
    "price": 2.55,
    "image_url": None,
    "score": 0.31,
    "source": "personal_frequency",
    "because_of": "85123A",
    "because": "bought twice, last on 2011-11-21",
}


class Recommendations(BaseModel):
    """Products, the best first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "customer_id": "17850",
                    "placement": "home",
                    "fallback": False,
                    "fallback_reason": None,
                    "model_version": "2",
                    "removed": {"sold_out": 12},
                    "recommendations": [_PRODUCT],
                }
            ]
        }
    )

    customer_id: str | None
    placement: str | None
    fallback: bool = Field(description="true: this is a sensible list, but not the model's for this very customer")
    fallback_reason: WhyFallback
    model_version: str | None
    removed: dict[str, int] | None = Field(default=None, description="products that may not stand in this list, by reason; with explain")
    recommendations: list[Recommendation]


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
    customer_id: Annotated[Id, Path(examples=["17850"])], ours: Ours, asked: Annotated[Asked, Query()], request: Request
) -> Recommendations:
    """The products that this customer will most likely want next. Everybody gets an answer: where it is not the model's, it says why."""
    seen = ours.reader.seen(*await ours.reading.rows(Whom(customer_id, None, ours.clock.now())))
    shelf = ours.offering.shelf(seen.shop, asked.filters, asked.placement, seen.now)
    found = _found(ours, seen, shelf, taste(seen.history, seen.profile), asked, limit=asked.limit, is_known=seen.known)
    note(request, shelf.plan.until, seen.now, found)
    return _answer(ours, shelf, found, asked, customer_id=customer_id)


router.add_api_route(
    "/customers/{customer_id}/recommendations",
    get_recommendations,
    dependencies=[Depends(require("app"))],
    route_class_override=KeptAnswers,
)


@router.post("/recommendations", dependencies=[Depends(require("app"))])
async def post_recommendations(asked: RecommendationsIn, ours: Ours) -> Recommendations:
    """The same for a visitor, or with a history that the app sends along: what they bought or looked at in this session."""
    now = ours.clock.now()
    visitor_id = None if asked.customer_id is not None else asked.visitor_id or ""
    seen = ours.reader.seen(*await ours.reading.rows(Whom(asked.customer_id, visitor_id, now)))
    known = taste(seen.history, seen.profile, _session(asked.history, now - timedelta(microseconds=1)))
    shelf = ours.offering.shelf(seen.shop, asked.context.filters, asked.context.placement, now)
    is_known = seen.known or asked.customer_id is None
    found = _found(ours, seen, shelf, known, asked.context, limit=asked.limit, is_known=is_known)
    return _answer(ours, shelf, found, asked.context, customer_id=asked.customer_id)


def _found(ours: Serving, seen: Seen, shelf: Shelf, known: Taste, shown: Shown, *, limit: int, is_known: bool) -> Found:
    """The list for somebody, counted."""
    own = exclusions_of(seen.profile, ours.offering.rules.columns, shelf.plan.products)
    bought = known.bought if shown.exclude_purchased else frozenset[str]()
    wanted = Wanted(limit, replace(own, bought=bought, shown=frozenset(shown.exclude)), shown.exclude_purchased)
    found = recommend(known, wanted, shelf, ours.champions.affinity, seen.now, is_known=is_known)
    ours.metrics.count_list("recommendations", found.fallback, found.removed)
    return found


def _answer(ours: Serving, shelf: Shelf, found: Found, shown: Shown, *, customer_id: str | None) -> Recommendations:
    return Recommendations(
        customer_id=customer_id,
        placement=shown.placement,
        fallback=found.fallback is not None,
        fallback_reason=found.fallback,
        model_version=ours.champions.version("affinity"),
        removed=dict(found.removed) if shown.explain else None,
        recommendations=[recommendation(shelf, rank, each, explain=shown.explain) for rank, each in enumerate(found.products, start=1)],
    )


def _session(history: list[Happened], just_now: datetime) -> list[Did]:
    """What the app says that they did, in the form that tells taste; nothing of it lies in the future."""
    return [(each.product_id, microseconds(min(each.at or just_now, just_now)), each.quantity, each.event_type) for each in history]
