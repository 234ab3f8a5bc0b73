"""How likely customers are to leave: one, many, and who came into another risk band."""

from datetime import date, datetime
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

Language = Literal["en", "vi"]

_CHURN: Final[JsonDict] = {
    "customer_id": "17850",
    "stage": "retention",
    "churn_probability": 0.21,
    "horizon_days": 30,
    "as_of": "2011-11-09T00:00:00",
    "band": "cooling",
    "percentile": 0.34,
    "percentile_within_stage": 0.4,
    "segment": "loyal",
    "persona": "regulars",
    "expected_next_order_on": "2011-11-16",
    "expected_next_order_from": "2011-11-10",
    "expected_next_order_until": "2011-12-01",
    "average_days_between_orders": 11.5,
    "expected_orders": 2.1,
    "expected_spend": 640.0,
    "clv": 5200.0,
    "historic_value": 9800.0,
    "reasons": ["Orders every 11.5 days; the last one was 4 days ago"],
    "model_version": "3",
    "source": "published",
    "insufficient_data": False,
    "why": None,
}
_CHURN_PAGE: Final[JsonDict] = {
    "customers": [_CHURN],
    "next_cursor": None,
    "as_of": "2011-11-09T00:00:00",
    "total": 1,
    "model_version": "3",
}
_CHANGES: Final[JsonDict] = {
    "changes": [
        {
            "change_id": 41,
            "customer_id": "17850",
            "recorded_at": "2011-11-09T02:00:00",
            "as_of": "2011-11-09T00:00:00",
            "from_band": "active",
            "to_band": "cooling",
            "from_probability": 0.12,
            "to_probability": 0.21,
            "stage": "retention",
            "model_version": "3",
        }
    ],
    "next_cursor": "eyJhZnRlciI6NDF9",
    "more": False,
}


class Churn(BaseModel):
    """One customer's risk and worth. A number that is not known is null."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CHURN]})

    customer_id: str
    stage: str
    churn_probability: float | None = Field(description="probability of no purchase within horizon_days from as_of")
    horizon_days: int | None
    as_of: datetime | None = Field(description="what was known before this instant; now, unless source is published")
    band: str | None = Field(description="risk band, as config/bands.yaml draws it")
    percentile: float | None = Field(description="share of published customers who are less likely to leave, 0 to 1")
    percentile_within_stage: float | None
    segment: str | None = Field(description="by recency, frequency and money, as config/segments.yaml names them")
    persona: str | None = Field(description="the group of similar customers they are in")
    expected_next_order_on: date | None = Field(description="half of those who order again within the horizon will have ordered by then")
    expected_next_order_from: date | None = Field(description="a tenth of them will")
    expected_next_order_until: date | None = Field(description="nine tenths of them will")
    average_days_between_orders: float | None
    expected_orders: float | None = Field(description="within horizon_days")
    expected_spend: float | None = Field(description="money within horizon_days")
    clv: float | None = Field(description="money expected within a year, discounted")
    historic_value: float | None = Field(description="money spent so far")
    reasons: list[str]
    model_version: str | None
    source: Literal["model", "published", "none"] = Field(description="published: as it stood at as_of, and nothing was posted since")
    insufficient_data: bool = Field(description="true: read `why` before relying on the numbers")
    why: str | None


class Change(BaseModel):
    """A customer whom a publication put into another risk band than the one before."""

    change_id: int = Field(description="rises; never used for another change")
    customer_id: str
    recorded_at: datetime
    as_of: datetime = Field(description="what was known before this instant is in the new probability")
    from_band: str
    to_band: str
    from_probability: float
    to_probability: float
    stage: str | None
    model_version: str | None


class ChangePage(BaseModel):
    """Changes, oldest first. `next_cursor` is always there: after the last page it waits for what is recorded later."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CHANGES]})

    changes: list[Change]
    next_cursor: str
    more: bool = Field(description="whether another page is there now")


class ChurnPage(BaseModel):
    """One page of a list. The list is that of one publication: pages that are asked for later belong to it, whatever was published since."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"customers": [_CHURN], "next_cursor": None, "as_of": "2011-11-09T00:00:00", "total": 1, "model_version": "3"}]
        }
    )

    customers: list[Churn]
    next_cursor: str | None = Field(description="for the next page; null at the end")
    as_of: datetime = Field(description="what was known before this instant is in the scores")
    total: int = Field(description="customers that the filters select, on all pages")
    model_version: str | None


class Answers(BaseModel):
    """One answer per known customer, in the order asked; the ids that are unknown beside them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"customers": [_CHURN], "unknown": ["13047"]}]})

    customers: list[Churn]
    unknown: list[str]
