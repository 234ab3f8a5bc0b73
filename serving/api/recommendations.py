"""Products for a customer, a visitor, or a basket of things somebody looked at."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from features.instants import microseconds
from serving.auth import require
from serving.current import Current
from serving.dependencies import Ours, Serving
from serving.fields import Body, Id, Instant, Number, Text
from serving.recommending import Filters, Suggestion, suggest
from serving.taste import Signal, Taste, taste

router = APIRouter(prefix="/v1", tags=["recommendations"])


class Recommendation(BaseModel):
    """One product, and why."""

    product_id: str
    rank: int
    name: str
    category: str | None
    price: float | None
    image_url: str | None
    score: float = Field(description="higher is better; of no unit, comparable within one answer")
    source: str = Field(description="where it came from")
    because_of: str | None = Field(description="the product of their own that led to it")
    because: str | None = Field(default=None, description="why, in words; with explain")


class Recommendations(BaseModel):
    """Products, the best first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "customer_id": "17850",
                    "placement": "home",
                    "fallback": False,
                    "model_version": "2",
                    "recommendations": [
                        {
                            "product_id": "85123A",
                            "rank": 1,
                            "name": "WHITE HANGING HEART T-LIGHT HOLDER",
                            "score": 0.31,
                            "source": "own_purchases",
                        }
                    ],
                }
            ]
        }
    )

    customer_id: str | None
    placement: str | None
    fallback: bool = Field(description="true: nothing is known about them, or no model is there, and this is a sensible popular list")
    model_version: str | None
    recommendations: list[Recommendation]


class Bought(Body):
    """One thing that somebody bought or looked at."""

    product_id: Id
    at: Instant | None = Field(default=None, description="left out: now")
    quantity: Number = Field(default=1.0, gt=0)


class Shown(BaseModel):
    """What may be shown, and how; whatever else an app says about the context is ignored."""

    placement: Text | None = None
    category: Annotated[Text | None, Field(description="only this category and those below it: A > B")] = None
    exclude_purchased: bool = False
    in_stock: bool = True
    explain: bool = False


class Asked(Shown):
    """The same with how many."""

    limit: Annotated[int, Field(ge=1, le=200, description="how many products")] = 10


class RecommendationsIn(Body):
    """For whom: a customer, a visitor, or a history sent along."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"visitor_id": "v-1", "limit": 5}, {"history": [{"product_id": "85123A"}]}]})

    customer_id: Id | None = None
    visitor_id: Id | None = None
    history: list[Bought] = Field(default_factory=list, max_length=1000)
    context: Shown = Field(default_factory=Shown)
    limit: int = Field(default=10, ge=1, le=200)

    @model_validator(mode="after")
    def _somebody(self) -> "RecommendationsIn":
        if (self.customer_id is not None) + (self.visitor_id is not None) > 1:
            raise ValueError("name customer_id or visitor_id, not both")
        return self


@router.get("/customers/{customer_id}/recommendations", dependencies=[Depends(require("app"))])
def get_recommendations(
    customer_id: Annotated[Id, Path(examples=["17850"])], ours: Ours, asked: Annotated[Asked, Query()]
) -> Recommendations:
    """The products that this customer will most likely want next. An unknown customer gets what most want, marked as fallback."""
    with ours.state.reading() as connection:
        current = ours.reader.customer(connection, customer_id, ours.clock.now())
    return _answer(ours, current, taste(current.history), asked.limit, asked, customer_id=customer_id)


@router.post("/recommendations", dependencies=[Depends(require("app"))])
def post_recommendations(asked: RecommendationsIn, ours: Ours) -> Recommendations:
    """The same for a visitor, or for a history that the app sends along (of things bought or looked at in this session)."""
    now = ours.clock.now()
    with ours.state.reading() as connection:
        if asked.customer_id is not None:
            current = ours.reader.customer(connection, asked.customer_id, now)
        else:
            current = ours.reader.visitor(connection, asked.visitor_id or "", now)
    known = taste(current.history, _session(asked.history, now - timedelta(microseconds=1)))
    return _answer(ours, current, known, asked.limit, asked.context, customer_id=asked.customer_id)


def _answer(ours: Serving, current: Current, known: Taste, limit: int, shown: Shown, *, customer_id: str | None) -> Recommendations:
    """The answer for somebody; popular products, marked as fallback, where nothing personal is known."""
    allowed = current.shop.allowed(current.now, category=shown.category, in_stock=shown.in_stock)
    found = suggest(current, known, limit, ours.champions, Filters(allowed, shown.exclude_purchased))
    fallback = ours.champions.affinity is None or not known.signals
    if fallback:
        ours.metrics.fallbacks.labels("recommendations").inc()
    return Recommendations(
        customer_id=customer_id,
        placement=shown.placement,
        fallback=fallback,
        model_version=ours.champions.version("affinity"),
        recommendations=[_recommendation(current, rank, each, explain=shown.explain) for rank, each in enumerate(found, start=1)],
    )


def _recommendation(current: Current, rank: int, suggestion: Suggestion, *, explain: bool) -> Recommendation:
    """One product of an answer, with what the range says about it."""
    listed = current.shop.products.get(suggestion.product_id)
    return Recommendation(
        product_id=suggestion.product_id,
        rank=rank,
        name=current.shop.name_of(suggestion.product_id),
        category=(listed.category or None) if listed else None,
        price=listed.price if listed else None,
        image_url=(listed.image_url or None) if listed else None,
        score=suggestion.score,
        source=suggestion.source,
        because_of=suggestion.because_of,
        because=suggestion.because if explain else None,
    )


def _session(history: list[Bought], just_now: datetime) -> list[Signal]:
    """What the app says that they bought or looked at, in the form that tells taste; nothing of it lies in the future."""
    return [(each.product_id, microseconds(min(each.at or just_now, just_now)), each.quantity) for each in history]
