"""Senders: rows are given one by one and posted in batches, beside what the program does. None is lost: it is sent, refused or raised."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Self

from serving.client.batches import Limits, OnRefused, Outgoing
from serving.client.call import Call
from serving.client.errors import ClientError
from serving.client.rows import Kept, Kind, Row, kept, post_rows
from serving.wire.rows import Receipt


class Sender:
    """Posts in a thread of its own, which also calls `on_refused`. May be given rows by many threads.

    While the server is away, rows wait. At the end everything is sent, or an UnsentRowsError has what was not.
    """

    def __init__(self, send: Callable[[Call[Receipt]], Receipt], on_refused: OnRefused, limits: Limits) -> None:
        self._send, self._out, self._limits = send, Outgoing(on_refused, limits), limits
        self._changed = threading.Condition()
        self._one_sends = threading.Lock()

    def event(self, row: Row) -> None:
        """Takes an event. InputError for what is none, BufferFullError where there is no room for it in time."""
        self._add("events", row)

    def order(self, row: Row) -> None:
        """Takes an order."""
        self._add("orders", row)

    def outcome(self, row: Row) -> None:
        """Takes an outcome."""
        self._add("outcomes", row)

    def flush(self) -> None:
        """Sends what was given so far. A ClientError where that cannot be: the rows wait on."""
        with self._one_sends:
            while batch := self._taken():
                self._post([batch])

    def _add(self, kind: Kind, row: Row) -> None:
        named = kept(kind, row)
        with self._changed:
            self._changed.wait_for(lambda: self._out.takes, self._limits.patience)
            self._out.add(named, time.monotonic())
            self._changed.notify_all()

    def _taken(self) -> list[Kept]:
        with self._changed:
            return self._out.buffer.take()

    def _post(self, left: list[list[Kept]]) -> None:
        """Sends a batch, in parts where it is refused as a whole; whatever happens, what is not sent waits again."""
        try:
            while left:
                self._out.settle(left, self._outcome(left[0]))
        finally:
            with self._changed:
                self._out.give_back(left, time.monotonic())
                self._changed.notify_all()

    def _outcome(self, batch: list[Kept]) -> Receipt | ClientError:
        try:
            return self._send(post_rows(batch[0].kind, batch))
        except ClientError as error:
            return error

    def _work(self) -> None:
        try:
            while self._wait_until_due():
                try:
                    self.flush()
                except ClientError:
                    continue  # the rows wait, and are due again after a while
        except Exception as error:
            self._out.failed = error

    def _wait_until_due(self) -> bool:
        """False where the sender ends."""
        with self._changed:
            while self._out.is_open and (due := self._out.buffer.due_in(time.monotonic())) != 0:
                self._changed.wait(due)
            return self._out.is_open

    def __enter__(self) -> Self:
        self._out.is_open = True
        self._thread = threading.Thread(target=self._work, name="nextbest-sender", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._out.is_open = False
            self._changed.notify_all()
        self._thread.join()
        self._out.ended(self._last())

    def _last(self) -> ClientError | None:
        try:
            self.flush()
        except ClientError as error:
            return error
        return None


class AsyncSender:
    """The same in a task of the event loop, for `async with`."""

    def __init__(self, send: Callable[[Call[Receipt]], Awaitable[Receipt]], on_refused: OnRefused, limits: Limits) -> None:
        self._send, self._out, self._limits = send, Outgoing(on_refused, limits), limits
        self._changed = asyncio.Condition()
        self._one_sends = asyncio.Lock()

    async def event(self, row: Row) -> None:
        """Takes an event. InputError for what is none, BufferFullError where there is no room for it in time."""
        await self._add("events", row)

    async def order(self, row: Row) -> None:
        """Takes an order."""
        await self._add("orders", row)

    async def outcome(self, row: Row) -> None:
        """Takes an outcome."""
        await self._add("outcomes", row)

    async def flush(self) -> None:
        """Sends what was given so far. A ClientError where that cannot be: the rows wait on."""
        async with self._one_sends:
            while batch := self._out.buffer.take():
                await self._post([batch])

    async def _add(self, kind: Kind, row: Row) -> None:
        named = kept(kind, row)
        async with self._changed:
            await _within(self._limits.patience, self._changed.wait_for(lambda: self._out.takes))
            self._out.add(named, time.monotonic())
            self._changed.notify_all()

    async def _post(self, left: list[list[Kept]]) -> None:
        try:
            while left:
                self._out.settle(left, await self._outcome(left[0]))
        finally:
            self._out.give_back(left, time.monotonic())  # before anything is awaited: this may be a cancellation
            async with self._changed:
                self._changed.notify_all()

    async def _outcome(self, batch: list[Kept]) -> Receipt | ClientError:
        try:
            return await self._send(post_rows(batch[0].kind, batch))
        except ClientError as error:
            return error

    async def _work(self) -> None:
        try:
            while await self._wait_until_due():
                try:
                    await self.flush()
                except ClientError:
                    continue
        except Exception as error:
            self._out.failed = error

    async def _wait_until_due(self) -> bool:
        async with self._changed:
            while self._out.is_open and (due := self._out.buffer.due_in(time.monotonic())) != 0:
                await _within(due, self._changed.wait())
            return self._out.is_open

    async def __aenter__(self) -> Self:
        self._out.is_open = True
        self._task = asyncio.create_task(self._work(), name="nextbest-sender")
        return self

    async def __aexit__(self, *_: object) -> None:
        async with self._changed:
            self._out.is_open = False
            self._changed.notify_all()
        await self._task
        self._out.ended(await self._last())

    async def _last(self) -> ClientError | None:
        try:
            await self.flush()
        except ClientError as error:
            return error
        return None


async def _within(seconds: float | None, waited: Awaitable[object]) -> None:
    """Waits for it, no longer than so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await waited
    except TimeoutError:
        return
