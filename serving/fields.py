"""Kinds of fields that several requests share: ids, texts, instants, numbers."""

from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def naive_utc(instant: datetime) -> datetime:
    """A naive instant in UTC: a zoned one is converted, a naive one is UTC already."""
    try:
        return instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant
    except OverflowError as error:
        raise ValueError("is no instant in UTC: it lies outside the years 1 to 9999") from error


def printable(text: str) -> str:
    """The text, if every letter of it can be shown and stored. ValueError for control characters and halves of letters."""
    if text.isprintable():  # so it is nearly always, and this is told at once
        return text
    if any(letter < " " or letter == "\x7f" or "\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("must not contain control characters or halves of letters")
    return text


LONGEST_ID: Final = 200

Id = Annotated[str, Field(min_length=1, max_length=LONGEST_ID), AfterValidator(printable)]
Text = Annotated[str, Field(max_length=2_000), AfterValidator(printable)]
Instant = Annotated[datetime, AfterValidator(naive_utc)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class Body(BaseModel):
    """A request's body: a field that it does not know is refused, so that a slip of the pen is noticed."""

    model_config = ConfigDict(extra="forbid")
