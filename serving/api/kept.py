"""Answers about customers of whom nothing changed: given again as they were sent."""

from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, Final

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute

from serving.dependencies import Serving
from serving.recommending import Found
from serving.remembered import Kept, Noted
from serving.state.versions import Moment, generation_of, version_of

_DAY: Final = timedelta(days=1)


class KeptAnswers(APIRoute):
    """Gives the answer that it gave before, while the customer, the publication and the day are the same; everything else goes the usual way.

    The key of a kept answer is the customer, the words of the query, and the version of their state, which the database tells each time:
    another server that shares it answers alike, and nobody has to be told of a change. What the route notes of its answer (`note`) is kept with it.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request."""
        usual = super().get_route_handler()

        async def handle(request: Request) -> Response:
            ours: Serving = request.app.state.serving
            key = await _key(request, ours)
            if key is None:
                return await usual(request)
            if (kept := ours.remembered.get(key, ours.clock.now())) is not None:
                ours.metrics.count_list("recommendations", kept.noted.fallback, kept.noted.removed)
                return Response(kept.body, media_type="application/json")
            answer = await usual(request)
            noted = getattr(request.state, "noted", None)
            if noted is not None and answer.status_code == 200:
                ours.remembered.put(key, Kept(bytes(answer.body), noted))
            return answer

        return handle


def note(request: Request, until: datetime | None, now: datetime, found: Found) -> None:
    """Notes of an answer made now what is kept with it: it holds until this time, and not beyond the day (UTC), since what is due changes."""
    tomorrow = datetime(now.year, now.month, now.day) + _DAY
    request.state.noted = Noted(tomorrow if until is None else min(until, tomorrow), found.fallback, found.removed)


async def _key(request: Request, ours: Serving) -> tuple[Any, ...] | None:
    """What the answer to this request rests on; None where the key has to be looked at more closely, or the database does not answer."""
    customer_id = request.path_params["customer_id"]
    if ours.gate.is_stale:
        await run_in_threadpool(ours.gate.keys)
    if not customer_id.isprintable() or not ours.gate.lets_in(request.scope["headers"], "app"):
        return None
    row = await ours.versions.row(Moment(customer_id, ours.clock.now()))
    if row is None:
        return None
    ours.reader.shops.expect(generation_of(row))
    return customer_id, request.scope["query_string"], ours.champions.version("affinity"), version_of(row)
