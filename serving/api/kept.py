"""Answers about customers of whom nothing changed: given again as they were sent."""

from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, Final

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute

from serving.dependencies import Serving, serving_of
from serving.fields import LONGEST_ID
from serving.remembered import Kept
from serving.state.versions import Moment, generation_of, version_of

_DAY: Final = timedelta(days=1)


Make = Callable[[Serving, str, bytes], Awaitable[Kept] | None]
"""Makes the answer about a customer to the words of a query; None for words that have to be looked at more closely."""


def kept_answers(make: Make) -> type[APIRoute]:
    """The class of a route that gives the answer that it gave before, while the customer, the publication and the day are the same.

    The key of a kept answer is the customer, the words of the query, the models and rules in use, and the version of their state, which the database
    tells each time: another server that shares it answers alike, and nobody has to be told of a change. What is beyond doubt about a request is answered by
    `make`, without looking for all that it could have been; everything else goes the usual way.
    """

    class KeptAnswers(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            usual = super().get_route_handler()

            async def handle(request: Request) -> Response:
                ours = serving_of(request)
                key = await _key(request, ours)
                if key is None:
                    return await usual(request)
                if (kept := ours.remembered.get(key, ours.clock.now())) is not None:
                    ours.metrics.count_list("recommendations", kept.noted.fallback, kept.noted.removed)
                    return Response(kept.body, media_type="application/json")
                making = make(ours, request.path_params["customer_id"], request.scope["query_string"])
                if making is None:
                    return await usual(request)
                made = await making
                ours.remembered.put(key, made)
                return Response(made.body, media_type="application/json")

            return handle

    return KeptAnswers


def until_tomorrow(until: datetime | None, now: datetime) -> datetime:
    """Until when an answer made now holds: until this time, and not beyond the day (UTC), since what is due changes."""
    tomorrow = datetime(now.year, now.month, now.day) + _DAY
    return tomorrow if until is None else min(until, tomorrow)


async def _key(request: Request, ours: Serving) -> tuple[Any, ...] | None:
    """What the answer to this request rests on; None where the key has to be looked at more closely, or the database does not answer."""
    customer_id = request.path_params["customer_id"]
    if ours.gate.is_stale:
        await run_in_threadpool(ours.gate.keys)
    if not customer_id.isprintable() or len(customer_id) > LONGEST_ID or not ours.gate.lets_in(request.scope["headers"], "app"):
        return None
    row = await ours.versions.row(Moment(customer_id, ours.clock.now()))
    if row is None:
        return None
    ours.reader.shops.expect(generation_of(row))
    return customer_id, request.scope["query_string"], ours.edition, version_of(row)
