"""Who would get an action, page by page."""

from datetime import date, datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

_PAGE: Final[JsonDict] = {
    "members": [
        {
            "customer_id": "17850",
            "decision_id": "5f0c7b1e-8a51-4d0e-9d64-0c8f8f1d6b1a",
            "action_id": "winback_offer",
            "channel": "email",
            "action_probability": 0.98,
            "priority": 2.82,
            "send_at": "2011-11-09T18:00:00",
            "locale": "en",
            "name": "An",
            "email": "an@example.com",
            "phone": None,
            "subject": "We miss you",
            "body": "<p>10 % on your next order.</p>",
            "format": "html",
            "sender_name": "Shop",
            "sender_reply_to": "shop@example.com",
            "product_ids": ["85123A"],
            "product_names": ["White hanging heart"],
            "product_urls": ["https://shop.example/85123A"],
            "offer_code": "BACK10",
            "valid_until": "2011-11-16",
        }
    ],
    "scanned": 2,
    "outside": [
        {
            "why": "gate",
            "code": "consent",
            "sentence": "They agreed to no e-mail.",
            "sentence_vi": "Chưa đồng ý nhận e-mail.",
            "customers": 1,
        }
    ],
    "as_of": "2011-11-09T09:30:00",
    "next_cursor": None,
}


class Member(BaseModel):
    """One customer who would get the action, and how."""

    customer_id: str
    decision_id: str = Field(description="POST /v1/decisions with it, the channel and deferred gives this decision")
    action_id: str
    channel: str
    action_probability: float
    priority: float
    send_at: datetime | None
    locale: str | None
    name: str | None
    email: str | None
    phone: str | None
    subject: str | None
    body: str | None
    format: str | None
    sender_name: str | None
    sender_reply_to: str | None
    product_ids: list[str]
    product_names: list[str]
    product_urls: list[str]
    offer_code: str | None
    valid_until: date | None


class KeptOut(BaseModel):
    """Why some of the scanned customers are not members: a gate's first reason, the group that gets no action, or another action was drawn."""

    why: str
    code: str
    sentence: str
    sentence_vi: str
    customers: int


class AudiencePage(BaseModel):
    """One page of an audience. A page ends after `limit` members or 500 scanned customers, so that it may have no member and yet not be the last."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PAGE]})

    members: list[Member]
    scanned: int = Field(description="customers that this page considered, in the order of their ids")
    outside: list[KeptOut]
    as_of: datetime = Field(description="the time of all pages: of the first one's asking")
    next_cursor: str | None = Field(description="for the next page; null at the end")
