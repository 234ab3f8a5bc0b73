"""How likely a customer is to leave, for the CRM."""

import math
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi import Query as InQuery
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute

from serving.auth import require
from serving.current import Current
from serving.dependencies import Ours, Serving, serving_of
from serving.errors import unknown_customer
from serving.fields import LONGEST_ID, Id
from serving.risk import Risk, risks
from serving.state.somebody import Whom
from serving.wire.churn import Churn, Language

router = APIRouter(prefix="/v1", tags=["churn"])

Locale = Annotated[Language, InQuery(description="the language of reasons")]
_LOCALES: Final[Mapping[bytes, Language]] = {b"": "en", b"locale=en": "en", b"locale=vi": "vi"}


class _Directly(APIRoute):
    """Answers at once where the key and the words of the query are beyond doubt, with the published score where it still holds; else the usual way."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        usual = super().get_route_handler()

        async def handle(request: Request) -> Response:
            ours = serving_of(request)
            locale, customer_id = _LOCALES.get(request.scope["query_string"]), request.path_params["customer_id"]
            if ours.gate.is_stale:
                await run_in_threadpool(ours.gate.keys)
            odd = not customer_id.isprintable() or len(customer_id) > LONGEST_ID
            if locale is None or odd or not ours.gate.lets_in(request.scope["headers"], "crm"):
                return await usual(request)
            stored = await ours.stored.answer(customer_id, locale)
            return Response(stored or await _live(ours, customer_id, locale), media_type="application/json")

        return handle


async def get_churn(customer_id: Annotated[Id, Path(examples=["17850"])], ours: Ours, locale: Locale = "en") -> Response:
    """This customer's churn probability, with what it rests on: the published one while it holds, else as of now."""
    return Response(await _live(ours, customer_id, locale), media_type="application/json")


async def _live(ours: Serving, customer_id: str, locale: Language) -> str:
    """The answer as of now, as JSON; raises where nothing is known of the customer."""
    current = ours.reader.current(*await ours.reading.rows(Whom(customer_id, None, ours.clock.now())))
    if not current.known:
        raise unknown_customer(customer_id)
    return churn_answers([current], ours, locale)[0].model_dump_json()


router.add_api_route(
    "/customers/{customer_id}/churn",
    get_churn,
    response_model=Churn,
    responses={404: {"description": "nobody of this id is known"}},
    dependencies=[Depends(require("crm"))],
    route_class_override=_Directly,
)


def churn_answers(currents: Sequence[Current], ours: Serving, locale: Language) -> list[Churn]:
    """The answers as of now, by the models in use, in the customers' order."""
    known = risks(currents, ours.champions, locale=locale, currency=ours.home.currency)
    return [_answer(current, one, ours) for current, one in zip(currents, known, strict=True)]


def _answer(current: Current, known: Risk, ours: Serving) -> Churn:
    probability = known.churn_probability
    percentile = None if probability is None else current.shop.percentile(probability)
    within = None if probability is None else current.shop.percentile(probability, stage=current.stage)
    return Churn(
        customer_id=current.customer_id,
        stage=current.stage,
        churn_probability=probability,
        horizon_days=known.horizon_days,
        as_of=known.as_of,
        band=_band(known, ours),
        percentile=percentile,
        percentile_within_stage=within,
        segment=known.segment,
        persona=known.persona,
        expected_next_order_on=known.expected_next_order_on,
        expected_next_order_from=known.expected_next_order_from,
        expected_next_order_until=known.expected_next_order_until,
        average_days_between_orders=_known(current.features["gap_mean_days"]),
        expected_orders=known.expected_orders,
        expected_spend=known.expected_spend,
        clv=known.clv,
        historic_value=_known(current.features["value_total"]),
        reasons=list(known.reasons),
        model_version=known.model_version,
        source=known.source,
        insufficient_data=known.why is not None,
        why=known.why,
    )


def _band(known: Risk, ours: Serving) -> str | None:
    return None if known.churn_probability is None else ours.bands.band(known.churn_probability)


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
