"""The floor of a served answer: a minimal FastAPI route with the same bytes.

    python -P -m benchmarks.serving_floor PORT BODIES.json

serves the bytes of the file, by path, on uvicorn with uvloop and httptools.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Response

from benchmarks.serving_processes import Running, served

ROUTES = ("/v1/customers/{customer_id}/churn", "/v1/customers/{customer_id}/recommendations", "/v1/decisions/{customer_id}")


@contextmanager
def minimal(bodies: dict[str, bytes], folder: Path) -> Iterator[Running]:
    """The least that FastAPI does for an answer: a route with an id in its path, and bytes that are there already. Without key, log and metrics."""
    file = folder / "bodies.json"
    file.write_text(json.dumps({path: body.decode() for path, body in bodies.items()}), encoding="utf-8")
    command = [sys.executable, "-P", "-m", "benchmarks.serving_floor", "{port}", str(file)]
    with served(command, ready="/readyz", log=folder / "minimal.log") as running:
        yield running


def minimal_app(bodies: dict[str, bytes]) -> FastAPI:
    """The application of `minimal`."""
    app = FastAPI()

    @app.get("/readyz")
    async def ready() -> Response:
        return Response(b"{}", media_type="application/json")

    for route in ROUTES:
        _add(app, route, bodies)
    return app


def _add(app: FastAPI, route: str, bodies: dict[str, bytes]) -> None:
    @app.get(route)
    async def answer(customer_id: str) -> Response:
        return Response(bodies[route.format(customer_id=customer_id)], media_type="application/json")


def main() -> None:
    """Serves the bytes of a file."""
    port, file = sys.argv[1:]
    bodies = {path: body.encode() for path, body in json.loads(Path(file).read_text(encoding="utf-8")).items()}
    uvicorn.run(
        minimal_app(bodies), host="127.0.0.1", port=int(port), log_level="warning", access_log=False, loop="uvloop", http="httptools"
    )


if __name__ == "__main__":
    main()
