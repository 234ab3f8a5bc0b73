"""Products that go with a product."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from serving.auth import require
from serving.dependencies import Ours
from serving.errors import ProblemError
from serving.fields import Id
from serving.recommending import similar

router = APIRouter(prefix="/v1/products", tags=["recommendations"])


class SimilarProduct(BaseModel):
    """One product like the one asked about."""

    product_id: str
    rank: int
    name: str
    score: float = Field(description="higher is more alike; comparable within one answer")


class SimilarProducts(BaseModel):
    """Products like one product, the most alike first."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"product_id": "85123A", "fallback": False, "model_version": "2", "products": []}]}
    )

    product_id: str
    fallback: bool = Field(description="true: the model does not know the product, and these are bought most in its category")
    model_version: str | None
    products: list[SimilarProduct]


@router.get("/{product_id}/similar", dependencies=[Depends(require("app"))])
def get_similar(
    product_id: Annotated[Id, Path(examples=["85123A"])], ours: Ours, limit: Annotated[int, Query(ge=1, le=200)] = 10
) -> SimilarProducts:
    """Products that the same customers buy; those of the same category where the model does not know the product."""
    with ours.state.reading() as connection:
        shop = ours.reader.shops.current(connection)
    found = similar(product_id, limit, ours.champions, shop, ours.clock.now())
    if not found.products and product_id not in shop.products and product_id not in shop.popular:
        raise ProblemError(
            404, f"No product {product_id!r} is known.", remedy="Check the id; products come with nextbest ingest.", kind="unknown-product"
        )
    return SimilarProducts(
        product_id=product_id,
        fallback=found.fallback,
        model_version=ours.champions.version("affinity"),
        products=[
            SimilarProduct(product_id=each, rank=rank, name=shop.name_of(each), score=score)
            for rank, (each, score) in enumerate(found.products, start=1)
        ],
    )
