"""A short way for posted rows: what is beyond doubt about a request need not be looked for at the cost of storing the rows."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from serving.dependencies import serving_of
from serving.rows import Posted
from serving.state.keys import Role


def direct(read: Callable[[Request], Awaitable[Posted]], role: Role) -> type[APIRoute]:
    """The class of a route `(ours, rows) -> Response` for this role, whose rows are read so.

    A request that says that its body is JSON, with a key that does, is answered by it at once; everything else goes the usual way.
    """

    class Direct(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            usual, take = super().get_route_handler(), self.endpoint

            async def handle(request: Request) -> Response:
                ours = serving_of(request)
                headers = request.scope["headers"]
                if (b"content-type", b"application/json") not in headers or not ours.gate.lets_in(headers, role):
                    return await usual(request)
                answer: Response = await take(ours, await read(request))
                return answer

            return handle

    return Direct
