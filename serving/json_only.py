"""A body is taken only as application/json: no page of another site can send that without asking the server first."""

from typing import Final

from fastapi import Request

from serving.errors import ProblemError

_WITH_BODY: Final = ("POST", "PUT", "PATCH")


async def json_only(request: Request) -> None:
    """A dependency that refuses a request whose body does not say that it is JSON."""
    sent = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if request.method in _WITH_BODY and sent != "application/json":
        raise ProblemError(
            415,
            f"The body is sent as {sent}." if sent else "The body does not say what it is.",
            remedy="Send JSON, with the header Content-Type: application/json.",
            kind="not-json",
        )
