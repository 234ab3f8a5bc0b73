"""What operators see: one log line and one measurement per request, by route, never with an id, a body or a secret in it."""

import time
import traceback
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.errors import ProblemError
from serving.log import Log
from serving.wire.rows import Receipt

_QUIET: Final = ("/healthz", "/readyz", "/metrics")
_BUCKETS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """The counters of one application; each application has its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("nextbest_requests", "Requests answered", ["method", "route", "status"], registry=self.registry)
        self.seconds = Histogram(
            "nextbest_request_seconds", "Time to answer", ["method", "route"], buckets=_BUCKETS, registry=self.registry
        )
        self.rows = Counter("nextbest_rows", "Rows posted", ["table", "result"], registry=self.registry)
        self.decisions = Counter("nextbest_decisions", "Decisions recorded", ["stage", "action_id"], registry=self.registry)
        self.fallbacks = Counter("nextbest_fallbacks", "Answers without a model", ["what", "reason"], registry=self.registry)
        self.removed = Counter("nextbest_removed_products", "Products left out of lists", ["reason"], registry=self.registry)
        self.taken = Counter("nextbest_taken", "Models and rules taken while running", ["what"], registry=self.registry)
        self.refused = Counter("nextbest_refused", "Models and rules that could not be used", ["what"], registry=self.registry)

        self._answered: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts a request that was answered."""
        found = self._answered.get((method, route, status))
        if found is None:  # looking labels up costs more than counting
            found = self.requests.labels(method, route, status), self.seconds.labels(method, route)
            self._answered[method, route, status] = found
        found[0].inc()
        found[1].observe(seconds)

    def count_list(self, what: str, fallback: str | None, removed: Mapping[Any, int]) -> None:
        """Counts a list of products: whether it is a fallback, and what was left out."""
        if fallback is not None:
            self.fallbacks.labels(what, fallback).inc()
        for reason, count in removed.items():
            self.removed.labels(reason).inc(count)

    def count_rows(self, table: str, receipt: Receipt) -> None:
        """Counts what became of posted rows."""
        for result in ("accepted", "duplicate", "refused"):
            self.rows.labels(table, result).inc(getattr(receipt, result))


class Telemetry:
    """ASGI middleware: measures and logs each request, and answers a defect with 500 and nothing from inside."""

    def __init__(self, app: ASGIApp, *, log: Log, metrics: Metrics) -> None:
        self.app = app
        self.log = log
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def noting_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noting_send)
        except Exception as error:
            self._log_defect(scope, error)
            if status == 0:
                await _apology(Request(scope).url.path)(scope, receive, noting_send)
        self._record(scope, status, time.perf_counter() - started)

    def _log_defect(self, scope: Scope, error: Exception) -> None:
        frames = [f"{PurePath(f.filename).name}:{f.lineno} {f.name}" for f in traceback.extract_tb(error.__traceback__)[-8:]]
        self.log.error("defect", method=scope["method"], route=_route(scope), error=type(error).__name__, frames=frames)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route, method = _route(scope), scope["method"]
        self.metrics.answered(method, route, status, seconds)
        if route not in _QUIET or status >= 400:
            self.log.info("request", method=method, route=route, status=status, milliseconds=round(seconds * 1000, 2))


def _route(scope: Mapping[str, Any]) -> str:
    """The route's pattern: the path itself would carry ids, and unknown paths would be endless labels."""
    return str(getattr(scope.get("route"), "path", "unknown"))


def _apology(path: str) -> Response:
    return ProblemError(
        500,
        "Something is wrong in nextbest itself.",
        remedy="Try again; if it persists, look into the server's log and report it.",
        kind="defect",
    ).response(path)
