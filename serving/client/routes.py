"""Each route of the API, described once: what it is asked, and what it answers. Both clients make their methods of these."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from serving.client.call import Call, get, given, in_path, query, sent
from serving.client.rows import Row, kept_rows, post_rows
from serving.wire.audiences import AudiencePage
from serving.wire.churn import Answers, ChangePage, Churn, ChurnPage, Language
from serving.wire.customers import Profile
from serving.wire.decisions import BatchAnswer, DecisionAnswer, DecisionRecord, EveryStage
from serving.wire.operation import Health, Models, Readiness
from serving.wire.products import Recommendations, RelatedProducts
from serving.wire.rows import Receipt


def recommendations(
    customer_id: str,
    *,
    limit: int | None = None,
    placement: str | None = None,
    category: str | None = None,
    brand: str | None = None,
    min_price: float | None = None,
    max_price: float | None = None,
    in_stock: bool | None = None,
    exclude_purchased: bool | None = None,
    exclude: Sequence[str] | None = None,
    explain: bool | None = None,
) -> Call[Recommendations]:
    """Products for a customer, the best first."""
    asked = query(
        limit=limit,
        placement=placement,
        category=category,
        brand=brand,
        min_price=min_price,
        max_price=max_price,
        in_stock=in_stock,
        exclude_purchased=exclude_purchased,
        exclude=exclude,
        explain=explain,
    )
    return get(f"{_customer(customer_id)}/recommendations", Recommendations, asked)


def recommend(
    *,
    customer_id: str | None = None,
    visitor_id: str | None = None,
    history: Iterable[Mapping[str, Any]] | None = None,
    context: Mapping[str, Any] | None = None,
    limit: int | None = None,
) -> Call[Recommendations]:
    """Products for a customer, a visitor, or a history that is sent along; `context` takes what `recommendations` takes."""
    told = None if history is None else list(history)
    body = given(customer_id=customer_id, visitor_id=visitor_id, history=told, context=context, limit=limit)
    return sent("POST", "/v1/recommendations", Recommendations, body)


def similar(
    product_id: str, *, limit: int | None = None, category: str | None = None, in_stock: bool | None = None
) -> Call[RelatedProducts]:
    """Products that shoppers take instead of this one."""
    return get(f"{_product(product_id)}/similar", RelatedProducts, query(limit=limit, category=category, in_stock=in_stock))


def bought_together(
    product_id: str, *, limit: int | None = None, category: str | None = None, in_stock: bool | None = None
) -> Call[RelatedProducts]:
    """Products that are bought beside this one."""
    return get(f"{_product(product_id)}/bought-together", RelatedProducts, query(limit=limit, category=category, in_stock=in_stock))


def churn(customer_id: str, *, locale: Language | None = None) -> Call[Churn]:
    """How likely this customer is to leave, and what they are worth."""
    return get(f"{_customer(customer_id)}/churn", Churn, query(locale=locale))


def churn_query(customer_ids: Iterable[str], *, locale: Language | None = None) -> Call[Answers]:
    """The same for up to 1,000 customers, in this order; ids that are unknown beside them."""
    return sent("POST", "/v1/churn:query", Answers, given(customer_ids=list(customer_ids), locale=locale))


def churn_list(
    *,
    band: Sequence[str] | None = None,
    stage: Sequence[str] | None = None,
    segment: Sequence[str] | None = None,
    persona: Sequence[str] | None = None,
    min_probability: float | None = None,
    max_probability: float | None = None,
    min_clv: float | None = None,
    insufficient_data: bool | None = None,
    sort: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    locale: Language | None = None,
) -> Call[ChurnPage]:
    """Published customers by risk: an iterator over pages of `limit` customers, all of one publication."""
    asked = query(
        band=band,
        stage=stage,
        segment=segment,
        persona=persona,
        min_probability=min_probability,
        max_probability=max_probability,
        min_clv=min_clv,
        insufficient_data=insufficient_data,
        sort=sort,
        limit=limit,
        cursor=cursor,
        locale=locale,
    )
    return get("/v1/churn", ChurnPage, asked)


def churn_changes(
    *, since: datetime | None = None, band: Sequence[str] | None = None, limit: int | None = None, cursor: str | None = None
) -> Call[ChangePage]:
    """Who came into another risk band, oldest first. Keep `next_cursor`, and come back with it."""
    return get("/v1/churn/changes", ChangePage, query(since=since, band=band, limit=limit, cursor=cursor))


def audience(
    action_id: str, *, channel: str | None = None, limit: int | None = None, cursor: str | None = None, locale: Language | None = None
) -> Call[AudiencePage]:
    """Who would get an action now: an iterator over pages; a page without members need not be the last."""
    asked = query(channel=channel, limit=limit, cursor=cursor, locale=locale)
    return get(f"/v1/audiences/{in_path('action_id', action_id)}", AudiencePage, asked)


def next_best_action(
    customer_id: str, *, stage: str | None = None, channel: Sequence[str] | None = None, k: int | None = None, explain: bool | None = None
) -> Call[DecisionAnswer]:
    """What would be done for this customer now; nothing is recorded."""
    return get(f"{_customer(customer_id)}/next-best-action", DecisionAnswer, query(stage=stage, channel=channel, k=k, explain=explain))


def next_best_action_of_each_stage(
    customer_id: str, *, channel: Sequence[str] | None = None, k: int | None = None, explain: bool | None = None
) -> Call[EveryStage]:
    """The same for each of the six stages."""
    return get(f"{_customer(customer_id)}/next-best-action", EveryStage, query(stage="all", channel=channel, k=k, explain=explain))


def decide(
    *,
    customer_id: str | None = None,
    visitor_id: str | None = None,
    decision_id: str | None = None,
    stage: str | None = None,
    channel: str | None = None,
    placements: Sequence[str] | None = None,
    context: Mapping[str, float] | None = None,
    deferred: bool | None = None,
    k: int | None = None,
    explain: bool | None = None,
    dry_run: bool | None = None,
) -> Call[DecisionAnswer]:
    """Decides what to do for somebody, and records it. Without a `decision_id` it gets one here, so that asking again gives the same decision."""
    asked = given(
        customer_id=customer_id,
        visitor_id=visitor_id,
        decision_id=decision_id,
        stage=stage,
        channel=channel,
        placements=placements,
        context=context,
        deferred=deferred,
        k=k,
        explain=explain,
        dry_run=dry_run,
    )
    return sent("POST", "/v1/decisions", DecisionAnswer, _named(asked))


def decide_batch(decisions: Iterable[Mapping[str, Any]]) -> Call[BatchAnswer]:
    """Up to 500 decisions at once, each with the fields of `decide`, answered in this order."""
    return sent("POST", "/v1/decisions:batch", BatchAnswer, {"decisions": [_named(each) for each in decisions]})


def decision(decision_id: str) -> Call[DecisionRecord]:
    """A decision as it was recorded, its outcomes, and a replay."""
    return get(f"/v1/decisions/{in_path('decision_id', decision_id, slashes=True)}", DecisionRecord)


def outcomes(rows: Iterable[Row]) -> Call[Receipt]:
    """Posts what came of decisions; a row without `event_id` gets one."""
    return post_rows("outcomes", kept_rows("outcomes", rows))


def events(rows: Iterable[Row]) -> Call[Receipt]:
    """Posts touchpoints; a row without `event_id` gets one."""
    return post_rows("events", kept_rows("events", rows))


def orders(rows: Iterable[Row]) -> Call[Receipt]:
    """Posts orders, each with the shop's `order_id`."""
    return post_rows("orders", kept_rows("orders", rows))


def customer(customer_id: str) -> Call[Profile]:
    """Profile, consent, stage, recent touchpoints and decisions."""
    return get(_customer(customer_id), Profile)


def put_customer(customer_id: str, fields: Mapping[str, Any]) -> Call[Profile]:
    """Stores profile fields over the known ones; None forgets one."""
    return sent("PUT", _customer(customer_id), Profile, dict(fields))


def put_consent(customer_id: str, consent: Mapping[str, bool]) -> Call[Profile]:
    """Stores yes or no for each channel named; the next decision obeys it."""
    return sent("PUT", f"{_customer(customer_id)}/consent", Profile, dict(consent))


def models() -> Call[Models]:
    """The models in use, and what answers where one is missing."""
    return get("/v1/models", Models)


def health() -> Call[Health]:
    """The process is alive."""
    return get("/healthz", Health)


def ready() -> Call[Readiness]:
    """The database answers, and what is served from it."""
    return get("/readyz", Readiness)


def metrics() -> Call[str]:
    """Counters in the text format of Prometheus."""
    return Call("GET", "/metrics", lambda body: body.decode())


def _customer(customer_id: str) -> str:
    return f"/v1/customers/{in_path('customer_id', customer_id)}"


def _product(product_id: str) -> str:
    return f"/v1/products/{in_path('product_id', product_id)}"


def _named(asked: Mapping[str, Any]) -> dict[str, Any]:
    """With a decision_id, unless nothing is recorded."""
    if asked.get("decision_id") is not None or asked.get("dry_run"):
        return dict(asked)
    return {**asked, "decision_id": str(uuid.uuid4())}
