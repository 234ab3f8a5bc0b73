"""For operators: is it alive, is it ready, what does it measure, which models does it serve."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field

from serving.auth import require
from serving.dependencies import Ours
from serving.shop import OUTDATED, foreseen

router = APIRouter(tags=["operation"])


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """What this server answers from."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"ready": True, "now": "2011-11-09T00:00:00", "clock": "pinned", "keys": "none"}]}
    )

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

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "churn", "version": "3", "as_of": "2011-11-09T00:00:00", "horizon_days": 30}]}
    )

    kind: str
    version: str
    as_of: datetime | None = Field(description="what was known before this instant made the model")
    horizon_days: int | None
    metrics: dict[str, float | None]


class Models(BaseModel):
    """The models in use, and the fallbacks of those that are missing."""

    models: list[Model]
    missing: dict[str, str]


@router.get("/healthz")
def healthz() -> Health:
    """The process is alive."""
    return Health()


@router.get("/readyz")
def readyz(ours: Ours) -> Readiness:
    """The database answers, and what is served from it."""
    with ours.state.reading() as connection:
        shop = ours.reader.shops.current(connection)
    now = ours.clock.now()
    warnings = [OUTDATED if shop.generation and shop.outdated else None, foreseen(shop.facts_as_of, now)]
    return Readiness(
        ready=True,
        now=now,
        clock="wall" if ours.clock.pinned is None else "pinned",
        keys="none" if ours.gate.is_open else "required",
        generation=shop.generation,
        published_as_of=shop.as_of,
        facts_as_of=shop.facts_as_of,
        customers=shop.customer_count,
        products=len(shop.products),
        models={kind: card.version for kind, card in ours.champions.cards.items()},
        missing=dict(ours.champions.missing),
        warnings=[warning for warning in warnings if warning],
    )


@router.get("/metrics", dependencies=[Depends(require("app"))], response_class=Response)
def metrics(ours: Ours) -> Response:
    """Counters for Prometheus."""
    return Response(generate_latest(ours.metrics.registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/v1/models", dependencies=[Depends(require("app"))])
def models(ours: Ours) -> Models:
    """The champion models that this server loaded when it started."""
    champions = ours.champions
    cards = [Model(kind=kind, **vars(card)) for kind, card in champions.cards.items()]
    return Models(models=cards, missing=dict(champions.missing))
