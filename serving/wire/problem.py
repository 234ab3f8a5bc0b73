"""What every error looks like, as RFC 9457 has it."""

from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

_PROBLEM: Final[JsonDict] = {
    "type": "urn:nextbest:problem:unknown-customer",
    "title": "Unknown customer",
    "status": 404,
    "detail": "No customer '17' is known.",
    "remedy": "Check the id; customers come with nextbest ingest and publish, or with POST /v1/orders and /v1/events.",
    "instance": "/v1/customers/17/churn",
}


class FieldProblem(BaseModel):
    """A field that cannot be used."""

    field: str
    message: str


class Problem(BaseModel):
    """Why a request is not answered, and the remedy."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PROBLEM]})

    type: str = Field(
        description="urn:nextbest:problem:KIND, which programs go by; about:blank where there is no more to say than the status"
    )
    title: str
    status: int
    detail: str
    remedy: str
    instance: str = Field(description="the path asked")
    errors: list[FieldProblem] = Field(default=[], description="of a 422: each field")
