"""Products that go with a product."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field

from decisions.merchandising import Filters
from serving.api.shown import Stocked, recommendation
from serving.auth import require
from serving.dependencies import Ours, Serving
from serving.errors import ProblemError
from serving.fields import Id
from serving.related import How, related
from serving.wire.products import RelatedProducts

router = APIRouter(prefix="/v1/products", tags=["recommendations"])

_UNKNOWN: Final[dict[int | str, dict[str, Any]]] = {404: {"description": "neither the range nor the model knows the product"}}
ProductId = Annotated[Id, Path(description="the product", examples=["85123A"])]


class Beside(Stocked):
    """How many, and which."""

    limit: Annotated[int, Field(ge=1, le=200, description="how many products")] = 10


@router.get("/{product_id}/similar", dependencies=[Depends(require("app"))], responses=_UNKNOWN)
def get_similar(product_id: ProductId, ours: Ours, asked: Annotated[Beside, Query()]) -> RelatedProducts:
    """Products instead of this one; those of the same category where the model does not know it."""
    return _answer(ours, product_id, "similar", asked)


@router.get("/{product_id}/bought-together", dependencies=[Depends(require("app"))], responses=_UNKNOWN)
def get_bought_together(product_id: ProductId, ours: Ours, asked: Annotated[Beside, Query()]) -> RelatedProducts:
    """Products beside this one in the same baskets; what is bought most where the model knows none."""
    return _answer(ours, product_id, "together", asked)


def _answer(ours: Serving, product_id: str, how: How, asked: Beside) -> RelatedProducts:
    with ours.state.reading() as connection:
        shop = ours.reader.shops.current(connection)
    filters = Filters(categories=asked.categories, in_stock=asked.in_stock)
    shelf = ours.offering.shelf(shop, filters, None, ours.clock.now())
    if not shelf.plan.products.knows(product_id):
        raise unknown_product(product_id)
    found = related(product_id, how, asked.limit, shelf, ours.champions.affinity)
    ours.metrics.count_list(how, found.fallback, found.removed)
    return RelatedProducts(
        product_id=product_id,
        fallback=found.fallback is not None,
        fallback_reason=found.fallback,
        model_version=ours.champions.version("affinity"),
        products=[recommendation(shelf, rank, each, explain=True) for rank, each in enumerate(found.products, start=1)],
    )


def unknown_product(product_id: str) -> ProblemError:
    """Neither the range nor the model has such a product."""
    return ProblemError(
        404, f"No product {product_id!r} is known.", remedy="Check the id; products come with nextbest ingest.", kind="unknown-product"
    )
