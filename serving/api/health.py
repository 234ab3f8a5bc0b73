"""For operators: is it alive, is it ready, what does it measure, which models does it serve."""

from typing import Any, Final

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from serving.auth import require
from serving.dependencies import Ours
from serving.shop import OUTDATED, foreseen
from serving.wire.operation import Health, Model, Models, Readiness

router = APIRouter(tags=["operation"])

_COUNTED: Final = 'nextbest_requests_total{method="GET",route="/readyz",status="200"} 1.0\n'
_TEXT: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"text/plain": {"schema": {"type": "string", "examples": [_COUNTED]}}}}}


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
    found = [OUTDATED if shop.generation and shop.outdated else None, foreseen(shop.facts_as_of, now)]
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
        warnings=[*(warning for warning in found if warning), *ours.champions.warnings, *dict.fromkeys(ours.rules.refused.values())],
    )


@router.get("/metrics", dependencies=[Depends(require("app"))], response_class=Response, responses=_TEXT)
def metrics(ours: Ours) -> Response:
    """Counters for Prometheus."""
    return Response(generate_latest(ours.metrics.registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/v1/models", dependencies=[Depends(require("app"))])
def models(ours: Ours) -> Models:
    """The champion models that this server answers with now, and those that it refused."""
    champions = ours.champions
    cards = [Model(kind=kind, **vars(card)) for kind, card in champions.cards.items()]
    return Models(models=cards, missing=dict(champions.missing), refused=dict(champions.refused))
