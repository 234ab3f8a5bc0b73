"""One customer: profile, consent, recent touchpoints and decisions."""

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

_PROFILE: Final[JsonDict] = {
    "customer_id": "17850",
    "stage": "retention",
    "profile": {"country": "United Kingdom"},
    "consent": {"email": True},
    "order_count": 12,
    "last_order_at": "2011-11-05T10:15:00",
    "touchpoints": [
        {"kind": "order", "what": "sale", "at": "2011-11-05T10:15:00", "product_id": "85123A", "product": "White hanging heart"},
    ],
    "decisions": [
        {
            "decision_id": "d-1",
            "action_id": "winback_offer",
            "channel": "email",
            "decided_at": "2011-11-01T09:00:00",
            "outcomes": ["converted"],
        },
    ],
}


class Touchpoint(BaseModel):
    """Something that happened between the shop and the customer."""

    kind: Literal["order", "event"]
    what: str = Field(description="event type, or sale, return or fee")
    at: datetime
    product_id: str | None
    product: str | None = Field(description="the product's name")


class Contacted(BaseModel):
    """A recorded decision and what came of it."""

    decision_id: str
    action_id: str
    channel: str | None
    decided_at: datetime
    outcomes: list[str]


class Profile(BaseModel):
    """One customer."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PROFILE]})

    customer_id: str
    stage: str
    profile: dict[str, Any]
    consent: dict[str, bool]
    order_count: int
    last_order_at: datetime | None
    touchpoints: list[Touchpoint] = Field(description="the newest first")
    decisions: list[Contacted] = Field(description="the newest first")
