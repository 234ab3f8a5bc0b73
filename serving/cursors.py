"""Cursors: where a list goes on, as one word that a client hands back as it got it.

A cursor holds nothing that its client has not seen and gives no right that its client has not, so that it carries a checksum, not a
signature: a damaged one is noticed, and every process of a server reads those of the others.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any, Final

import orjson

from serving.errors import ProblemError

_CHECKSUM_BYTES: Final = 9


def cursor(kind: str, fields: Mapping[str, Any]) -> str:
    """The cursor of a kind of list that holds these fields, plain data or dates: letters, digits, - and _."""
    body = orjson.dumps(fields)
    return base64.urlsafe_b64encode(_checksum(kind, body) + body).decode().rstrip("=")


def fields_of(kind: str, text: str) -> dict[str, Any]:
    """What a cursor of this kind holds, dates as text. A ProblemError (400) for one that is damaged, or of another kind of list."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise damaged() from error
    checksum, body = raw[:_CHECKSUM_BYTES], raw[_CHECKSUM_BYTES:]
    if checksum != _checksum(kind, body):
        raise damaged()
    found: dict[str, Any] = orjson.loads(body)
    return found


def damaged() -> ProblemError:
    """The cursor is none of ours."""
    return ProblemError(
        400,
        "The cursor is damaged, or of another list.",
        remedy="Send next_cursor as the page before gave it, or leave the cursor out to begin anew.",
        kind="invalid-cursor",
    )


def _checksum(kind: str, body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_CHECKSUM_BYTES, person=kind.encode()[:16]).digest()
