"""The two clients: the same methods, one that waits and one for asyncio."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from typing import Any, ParamSpec, Self, TypeVar

import httpx

from serving.client.batches import Limits, OnRefused
from serving.client.call import Call, Page, answer_of, at_cursor
from serving.client.connection import HERE, options, shown
from serving.client.methods import Routes
from serving.client.retrying import Outcome, Retrying, Tries
from serving.client.senders import AsyncSender, Sender

P = ParamSpec("P")
T = TypeVar("T")
L = TypeVar("L", bound=Page)

TIMEOUT = 10.0


class Client(Routes):
    """Asks the API and waits for the answer. May be shared by threads; close it, or use it as a context manager.

    `key` without it is that of NEXTBEST_KEY, and none where that is empty. `timeout` in seconds bounds each attempt's wait for bytes.
    Methods raise ClientError for what the server did not do, InputError for what cannot be asked.
    """

    def __init__(self, base_url: str = HERE, key: str | None = None, *, timeout: float = TIMEOUT, retrying: Retrying = Retrying()) -> None:
        self._http = httpx.Client(**options(base_url, key, timeout))
        self._retrying = retrying

    def send(self, call: Call[T]) -> T:
        """The answer to a call, tried again while it may help."""
        tries = Tries(self._retrying)
        while (wait := tries.wait_after(outcome := self._once(call))) is not None:
            time.sleep(wait)
        return answer_of(call, outcome, tries.made)

    def sender(self, on_refused: OnRefused, limits: Limits = Limits()) -> Sender:
        """Collects rows and posts them in batches: `with client.sender(log_it) as sender`."""
        return Sender(self.send, on_refused, limits)

    def asking(self, describe: Callable[P, Call[T]]) -> Callable[P, T]:
        """The method that this description makes."""

        @wraps(describe)
        def ask(*args: P.args, **kwargs: P.kwargs) -> T:
            return self.send(describe(*args, **kwargs))

        return ask

    def paging(self, describe: Callable[P, Call[L]]) -> Callable[P, Iterator[L]]:
        """The same for a list of pages."""

        @wraps(describe)
        def pages(*args: P.args, **kwargs: P.kwargs) -> Iterator[L]:
            return self._pages(describe(*args, **kwargs))

        return pages

    def _pages(self, call: Call[L]) -> Iterator[L]:
        cursor: str | None = ""
        while cursor is not None:
            page = self.send(at_cursor(call, cursor) if cursor else call)
            yield page
            cursor = page.next_cursor

    def _once(self, call: Call[Any]) -> Outcome:
        try:
            return self._http.request(call.method, call.path, params=call.params, content=call.body, headers=call.headers)
        except httpx.TransportError as error:
            return error

    def close(self) -> None:
        """Closes its connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({shown(self._http.base_url)!r})"


class AsyncClient(Routes):
    """The same for asyncio: every method is awaited, every list is an `async for`."""

    def __init__(self, base_url: str = HERE, key: str | None = None, *, timeout: float = TIMEOUT, retrying: Retrying = Retrying()) -> None:
        self._http = httpx.AsyncClient(**options(base_url, key, timeout))
        self._retrying = retrying

    async def send(self, call: Call[T]) -> T:
        """The answer to a call, tried again while it may help."""
        tries = Tries(self._retrying)
        while (wait := tries.wait_after(outcome := await self._once(call))) is not None:
            await asyncio.sleep(wait)
        return answer_of(call, outcome, tries.made)

    def sender(self, on_refused: OnRefused, limits: Limits = Limits()) -> AsyncSender:
        """Collects rows and posts them in batches: `async with client.sender(log_it) as sender`."""
        return AsyncSender(self.send, on_refused, limits)

    def asking(self, describe: Callable[P, Call[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
        """The method that this description makes."""

        @wraps(describe)
        async def ask(*args: P.args, **kwargs: P.kwargs) -> T:
            return await self.send(describe(*args, **kwargs))

        return ask

    def paging(self, describe: Callable[P, Call[L]]) -> Callable[P, AsyncIterator[L]]:
        """The same for a list of pages."""

        @wraps(describe)
        def pages(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[L]:
            return self._pages(describe(*args, **kwargs))

        return pages

    async def _pages(self, call: Call[L]) -> AsyncIterator[L]:
        cursor: str | None = ""
        while cursor is not None:
            page = await self.send(at_cursor(call, cursor) if cursor else call)
            yield page
            cursor = page.next_cursor

    async def _once(self, call: Call[Any]) -> Outcome:
        try:
            return await self._http.request(call.method, call.path, params=call.params, content=call.body, headers=call.headers)
        except httpx.TransportError as error:
            return error

    async def close(self) -> None:
        """Closes its connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncClient({shown(self._http.base_url)!r})"
