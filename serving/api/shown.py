"""What an app may ask about a list of products, and how one product of it is answered."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, model_validator

from decisions.merchandising import Filters
from decisions.merchandising.product_range import category_path
from decisions.named_affinity import Suggestion
from serving.fields import Id, Number, Text
from serving.offering import Shelf
from serving.wire.products import Recommendation

MOST_EXCLUDED = 500


class Stocked(BaseModel):
    """What may be shown at all."""

    category: Annotated[Text | None, Field(description="only this category and those below it: A > B")] = None
    in_stock: Annotated[bool, Field(description="false: also what is sold out or not yet available")] = True

    @property
    def categories(self) -> tuple[str, ...]:
        """The category asked for, as paths are compared; none where it is blank."""
        path = category_path(self.category or "")
        return (path,) if path else ()


class Shown(Stocked):
    """What may be shown to somebody, and how; whatever else an app says about the context is ignored."""

    placement: Annotated[Text | None, Field(description="where the list stands: rules may be for one placement")] = None
    brand: Annotated[Text | None, Field(description="only this brand")] = None
    min_price: Annotated[Number | None, Field(ge=0, description="list price, this included")] = None
    max_price: Annotated[Number | None, Field(ge=0, description="list price, this included")] = None
    exclude_purchased: Annotated[bool, Field(description="true: nothing that they bought already")] = False
    exclude: Annotated[list[Id], Field(max_length=MOST_EXCLUDED, description="products not to show: what stands on the page already")] = []
    explain: Annotated[bool, Field(description="true: because in words, and what was removed")] = False

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.min_price is not None and self.max_price is not None and self.min_price > self.max_price:
            raise ValueError("min_price is above max_price")
        return self

    @property
    def filters(self) -> Filters:
        """The same as merchandising has it; blank names filter nothing."""
        brand = (self.brand or "").strip()
        return Filters(
            categories=self.categories,
            brands=(brand,) if brand else (),
            minimum_price=self.min_price,
            maximum_price=self.max_price,
            in_stock=self.in_stock,
        )


def recommendation(shelf: Shelf, rank: int, suggestion: Suggestion, *, explain: bool) -> Recommendation:
    """One product of an answer, with what the range says about it."""
    return Recommendation(**plain_recommendation(shelf, rank, suggestion, explain=explain))


def plain_recommendation(shelf: Shelf, rank: int, suggestion: Suggestion, *, explain: bool) -> dict[str, Any]:
    """The same as it is sent: the fields of `Recommendation`."""
    listed = shelf.shop.products.get(suggestion.product_id)
    return {
        "product_id": suggestion.product_id,
        "rank": rank,
        "name": shelf.shop.name_of(suggestion.product_id),
        "category": (listed.category or None) if listed else None,
        "price": listed.price if listed else None,
        "image_url": (listed.image_url or None) if listed else None,
        "score": suggestion.score,
        "source": suggestion.source,
        "because_of": suggestion.because_of,
        "because": suggestion.because if explain else None,
    }
