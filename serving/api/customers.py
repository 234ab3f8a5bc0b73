"""One customer's profile, consent and recent touchpoints."""

from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Body, Depends, Path
from pydantic import BaseModel, ConfigDict, model_validator
from sqlalchemy import Connection

from features.contract import CUSTOMER_ID
from features.history import KINDS, CustomerHistory
from features.instants import EPOCH
from serving.auth import require
from serving.clock import wall
from serving.current import Current
from serving.dependencies import Ours
from serving.errors import unknown_customer
from serving.fields import Id, Instant, Text, printable
from serving.state import customers
from serving.wire.customers import Contacted, Profile, Touchpoint

router = APIRouter(prefix="/v1/customers", tags=["customers"])

CustomerId = Annotated[Id, Path(description="the customer", examples=["17850"])]
Consent = Annotated[dict[Id, bool], Body(min_length=1, max_length=50, examples=[{"email": True, "sms": False}])]
Attribute = bool | float | Text | None

RECENT: Final = 20
MOST_ATTRIBUTES: Final = 200
CONSENT: Final = "consent_"


class ProfileIn(BaseModel):
    """Fields that stand over the stored ones; a field that is null is forgotten. Others than these are kept as attributes."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"examples": [{"name": "Nguyễn An", "locale": "vi", "city": "Huế", "consent_email": True}]}
    )
    __pydantic_extra__: dict[str, Attribute]

    name: Text | None = None
    email: Text | None = None
    phone: Text | None = None
    locale: Text | None = None
    city: Text | None = None
    region: Text | None = None
    country: Text | None = None
    joined_at: Instant | None = None

    @model_validator(mode="after")
    def _named(self) -> "ProfileIn":
        others = self.model_extra or {}
        if len(others) > MOST_ATTRIBUTES:
            raise ValueError(f"{len(others)} attributes are more than the {MOST_ATTRIBUTES} that are kept")
        if CUSTOMER_ID in others:
            raise ValueError(f"{CUSTOMER_ID} stands in the path")
        for name in others:
            printable(name)
        return self


@router.get("/{customer_id}", dependencies=[Depends(require("crm"))], responses={404: {"description": "nobody of this id is known"}})
def get_customer(customer_id: CustomerId, ours: Ours) -> Profile:
    """The customer's profile, stage, and recent touchpoints and decisions."""
    return _profile(customer_id, ours)


@router.put("/{customer_id}", dependencies=[Depends(require("crm"))])
def put_customer(customer_id: CustomerId, given: ProfileIn, ours: Ours) -> Profile:
    """Stores profile fields over those of this customer, who need not be known before."""
    fields = given.model_dump(exclude_unset=True, mode="json")
    consent = {name.removeprefix(CONSENT): bool(value) for name, value in fields.items() if name.startswith(CONSENT) and value is not None}
    profile = {name: value for name, value in fields.items() if not name.startswith(CONSENT)}
    at = wall()

    def put(connection: Connection) -> None:
        customers.put_profile(connection, customer_id, profile, at)
        if consent:
            customers.put_consent(connection, customer_id, consent, at)

    ours.state.write(put)
    return _profile(customer_id, ours)


@router.put("/{customer_id}/consent", dependencies=[Depends(require("crm"))])
def put_consent(customer_id: CustomerId, given: Consent, ours: Ours) -> Profile:
    """Stores yes or no for each channel named, over what was known; the next decision obeys it."""
    at = wall()
    ours.state.write(lambda connection: customers.put_consent(connection, customer_id, given, at))
    return _profile(customer_id, ours)


def _profile(customer_id: str, ours: Ours) -> Profile:
    now = ours.clock.now()
    with ours.state.reading() as connection:
        current = ours.reader.customer(connection, customer_id, now)
        if not current.known:
            raise unknown_customer(customer_id)
    contacts = [contact for contact in current.contacts if contact["decided_at"] <= now]
    sales = current.history.lines["at"][current.history.lines["kind"] == KINDS.index("sale")]
    return Profile(
        customer_id=customer_id,
        stage=current.stage,
        profile=dict(current.profile),
        consent=dict(current.consent),
        order_count=int(current.features["order_count"]),
        last_order_at=_instant(sales.max()) if len(sales) else None,
        touchpoints=_touchpoints(current),
        decisions=[Contacted.model_validate(contact) for contact in contacts[::-1][:RECENT]],
    )


def _touchpoints(current: Current) -> list[Touchpoint]:
    history = current.history
    bought = [_touchpoint(current, "order", KINDS[kind], at, code) for at, kind, code in _newest(history, "kind")]
    touched = [_touchpoint(current, "event", history.event_types[kind], at, code) for at, kind, code in _newest(history, "type")]
    return sorted(bought + touched, key=lambda touch: touch.at, reverse=True)[:RECENT]


def _newest(history: CustomerHistory, what: Literal["kind", "type"]) -> list[tuple[int, int, int]]:
    table = history.lines if what == "kind" else history.events
    columns = (table["at"], table[what], table["product"])
    return list(zip(*(column[-RECENT:].tolist() for column in columns), strict=True))


def _touchpoint(current: Current, kind: Literal["order", "event"], what: str, at: int, code: int) -> Touchpoint:
    product_id = current.history.product_ids[code] if code >= 0 else None
    name = current.shop.name_of(product_id) if product_id else None
    return Touchpoint(kind=kind, what=what, at=_instant(at), product_id=product_id, product=name)


def _instant(microsecond: int) -> datetime:
    return EPOCH + timedelta(microseconds=int(microsecond))
