"""For operators: is it alive, is it ready, which models does it serve."""

from datetime import datetime
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

_READY: Final[JsonDict] = {
    "ready": True,
    "now": "2011-11-09T09:30:00",
    "clock": "pinned",
    "keys": "none",
    "generation": 7,
    "published_as_of": "2011-11-09T00:00:00",
    "facts_as_of": "2011-11-09T00:00:00",
    "customers": 4338,
    "products": 3665,
    "models": {"churn": "3", "affinity": "2"},
    "missing": {"response": "no model is promoted: the catalogue's own probabilities"},
    "warnings": [],
}
_MODEL: Final[JsonDict] = {
    "kind": "churn",
    "version": "3",
    "as_of": "2011-11-09T00:00:00",
    "horizon_days": 30,
    "metrics": {"auc": 0.81},
    "is_proven": True,
}


class Health(BaseModel):
    """The process answers."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok"}]})

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """What this server answers from."""

    model_config = ConfigDict(json_schema_extra={"examples": [_READY]})

    ready: bool
    now: datetime = Field(description="the time of answers, UTC")
    clock: Literal["wall", "pinned"]
    keys: Literal["required", "none"] = Field(description="none: everybody on this machine may ask everything")
    generation: int = Field(description="the publication in use; 0 before the first nextbest publish")
    published_as_of: datetime | None = Field(description="published histories reach to here")
    facts_as_of: datetime | None = Field(description="levels, mean order value, percentiles and popular products are of this time")
    customers: int
    products: int
    models: dict[str, str] = Field(description="version by kind")
    missing: dict[str, str] = Field(description="what has no model, and what answers instead")
    warnings: list[str] = Field(description="what makes answers less good than they could be; empty: nothing")


class Model(BaseModel):
    """One model in use."""

    model_config = ConfigDict(json_schema_extra={"examples": [_MODEL]})

    kind: str
    version: str
    as_of: datetime | None = Field(description="what was known before this instant made the model")
    horizon_days: int | None
    metrics: dict[str, float | None]
    is_proven: bool = Field(
        default=False, description="when it was loaded it said what it said when it was trained; false: its folder is too old to tell"
    )


class Models(BaseModel):
    """The models in use, and the fallbacks of those that are missing."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"models": [_MODEL], "missing": {}, "refused": {}}]})

    models: list[Model]
    missing: dict[str, str]
    refused: dict[str, str] = Field(
        default_factory=dict, description="by kind: why the newest champion cannot be used, and what answers in its place"
    )
