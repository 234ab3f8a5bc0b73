"""Lists of products for somebody, or beside a product."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from serving.fallbacks import FALLBACKS, Fallback

WhyFallback = Annotated[
    Fallback | None,
    Field(description=f"why the list is not the model's for them, null where it is: {', '.join(FALLBACKS)}"),
]

_PRODUCT: Final[JsonDict] = {
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
_LIST: Final[JsonDict] = {
    "customer_id": "17850",
    "placement": "home",
    "fallback": False,
    "fallback_reason": None,
    "model_version": "2",
    "removed": {"sold_out": 12},
    "recommendations": [_PRODUCT],
}
_RELATED: Final[JsonDict] = {
    "product_id": "22423",
    "fallback": False,
    "fallback_reason": None,
    "model_version": "2",
    "products": [_PRODUCT | {"source": "together", "because_of": "22423", "because": "bought together 14 times"}],
}


class Recommendation(BaseModel):
    """One product, and why."""

    product_id: str
    rank: int
    name: str
    category: str | None
    price: float | None
    image_url: str | None
    score: float | None = Field(
        description="higher is better; of no unit, comparable within one answer; null for what the shop pinned there"
    )
    source: str = Field(description="where it came from")
    because_of: str | None = Field(description="the product of their own that led to it")
    because: str | None = Field(default=None, description="why, in words; with explain")


class Recommendations(BaseModel):
    """Products, the best first."""

    model_config = ConfigDict(json_schema_extra={"examples": [_LIST]})

    customer_id: str | None
    placement: str | None
    fallback: bool = Field(description="true: this is a sensible list, but not the model's for this very customer")
    fallback_reason: WhyFallback
    model_version: str | None
    removed: dict[str, int] | None = Field(default=None, description="products that may not stand in this list, by reason; with explain")
    recommendations: list[Recommendation]


class RelatedProducts(BaseModel):
    """Products that go with one product, the best first; never itself."""

    model_config = ConfigDict(json_schema_extra={"examples": [_RELATED]})

    product_id: str
    fallback: bool = Field(description="true: the model says nothing about the product, and these are bought most in its category")
    fallback_reason: WhyFallback
    model_version: str | None
    products: list[Recommendation]
