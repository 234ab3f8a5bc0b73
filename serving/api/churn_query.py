"""Risk and worth of the customers whom a CRM names, all in one answer."""

from collections.abc import Sequence
from typing import Final

import orjson
from fastapi import APIRouter, Depends, Response
from pydantic import ConfigDict, Field
from sqlalchemy import Connection

from serving.api.churn import churn_answers
from serving.api.churn_lists import Wanted
from serving.auth import require
from serving.churn_tables import FORMATS, NAMES, Answer, published_answers
from serving.dependencies import Ours, Serving
from serving.fields import Body, Id
from serving.state import score_lists
from serving.streaming import Streamed
from serving.wire.churn import Answers, Churn, Language

router = APIRouter(prefix="/v1", tags=["churn"])

MOST: Final = 1_000
UNKNOWN_COUNT: Final = "Unknown-Count"
"""The header that says how many of the ids are unknown: a table of customers has no place for them."""


class Query(Body):
    """Which customers."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"customer_ids": ["17850", "13047"]}]})

    customer_ids: list[Id] = Field(min_length=1, max_length=MOST)
    locale: Language = Field(default="en", description="the language of reasons")


@router.post(
    "/churn:query",
    dependencies=[Depends(require("crm"))],
    response_model=Answers,
    responses={
        200: {"content": {each.media_type: {} for each in FORMATS}},
        406: {"description": "Accept names no format that is written here"},
    },
)
def query_churn(asked: Query, wanted: Wanted, ours: Ours) -> Response:
    """What `GET /v1/customers/{id}/churn` answers, for many at once: in JSON, CSV, NDJSON or Parquet."""
    customer_ids = list(dict.fromkeys(asked.customer_ids))
    with ours.state.reading() as connection:
        found = _found(connection, customer_ids, asked.locale, ours)
    unknown = [customer_id for customer_id in customer_ids if customer_id not in found]
    answers = [found[customer_id] for customer_id in customer_ids if customer_id in found]
    if wanted is not None:
        return Streamed((batch for batch in (answers,)), wanted, filename="churn", headers={UNKNOWN_COUNT: str(len(unknown))})
    body = {"customers": [dict(zip(NAMES, answer, strict=True)) for answer in answers], "unknown": unknown}
    return Response(orjson.dumps(body), media_type="application/json", headers={"Vary": "Accept"})


def _found(connection: Connection, customer_ids: Sequence[str], locale: Language, ours: Serving) -> dict[str, Answer]:
    """Answers by id: the published ones that still hold by one statement, the others by the models, asked once."""
    rows = score_lists.unchanged(connection, customer_ids).values()
    holding = [row for row in rows if ours.stored.holds(row._asdict(), row.as_of)]
    stored = {answer[0]: answer for answer in published_answers(holding, locale, ours.home.currency)}
    others = [customer_id for customer_id in customer_ids if customer_id not in stored]
    known = [current for current in ours.reader.customers(connection, others, ours.clock.now()) if current.known]
    return stored | {churn.customer_id: _as_answer(churn) for churn in churn_answers(known, ours, locale)}


def _as_answer(churn: Churn) -> Answer:
    return tuple(getattr(churn, name) for name in NAMES)
