"""In which format to answer: what `?format=` says, or else the `Accept` header."""

import re
from typing import Final

from fastapi import Request

from serving.churn_tables import FORMATS, Format
from serving.errors import ProblemError, invalid_request

JSON: Final = "application/json"
NAMES: Final = ("json", *(each.name for each in FORMATS))

_QUALITY: Final = re.compile(r"[01](\.[0-9]{0,3})?")


def wanted_format(request: Request) -> Format | None:
    """A dependency: the table format that this request asks for; None for JSON, which is also for those who take anything.

    Raises a ProblemError: 422 for a `format` that does not exist, 406 where `Accept` takes none of ours.
    """
    name = request.query_params.get("format")
    if name is not None:
        return _named(name)
    accept = ",".join(request.headers.getlist("Accept")).lower() or "*/*"
    ours: dict[str, Format | None] = {JSON: None, **{each.media_type: each for each in FORMATS}}
    quality = {media_type: _quality(media_type, accept) for media_type in ours}
    best = max(quality, key=lambda media_type: quality[media_type])  # of equals the first: JSON
    if quality[best] == 0:
        raise ProblemError(
            406,
            "None of the formats that Accept names is written here.",
            remedy=f"Ask for one of {', '.join(ours)}, or add ?format={'|'.join(NAMES)}.",
            kind="not-acceptable",
        )
    return ours[best]


def _named(name: str) -> Format | None:
    if name not in NAMES:
        raise invalid_request([{"field": "query.format", "message": f"there is no format {name!r}, but {', '.join(NAMES)}"}])
    return next((each for each in FORMATS if each.name == name), None)


def _quality(media_type: str, accept: str) -> float:
    """How much an Accept header wants this type, by its most exact range; 0: not at all."""
    exactness = {"*/*": 0, f"{media_type.partition('/')[0]}/*": 1, media_type: 2}
    found = [(exactness[kind], quality) for kind, quality in map(_range, accept.split(",")) if kind in exactness]
    return max(found, default=(0, 0.0))[1]


def _range(text: str) -> tuple[str, float]:
    """A media range and its quality; 0 where that is no number between 0 and 1."""
    kind, *parameters = (part.strip() for part in text.split(";"))
    said = [value.strip() for name, _, value in (parameter.partition("=") for parameter in parameters) if name.strip() == "q"]
    if not said:
        return kind, 1.0
    return kind, min(float(said[0]), 1.0) if _QUALITY.fullmatch(said[0]) else 0.0
