"""What rules may ask about the contact history, by name: "at most one e-mail in the last 7 days" is email_contact_count_7d < 1."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal

COUNT_DAYS: Final = (7, 30)
REJECTED_DAYS: Final = 60


@dataclass(frozen=True)
class ContactFact:
    """A question about a customer's earlier contacts, and the name under which it is answered.

    Asked is about the contacts by these `channels`, of actions in these `groups` or with these `action_ids`, with this `outcome`, younger than so
    many `days`; None is any. A "count" is their number, "days_since" the age in days of the newest of them (missing if there is none).
    """

    name: str
    kind: Literal["count", "days_since"] = "count"
    channels: frozenset[str] | None = None
    groups: frozenset[str] | None = None
    action_ids: frozenset[str] | None = None
    days: float | None = None
    outcome: str | None = None


def contact_facts(channels: Collection[str]) -> tuple[ContactFact, ...]:
    """Every fact that rules may name in a catalogue of these channels: over all of them together, then channel by channel by the alphabet."""
    together = (
        *(ContactFact(f"contact_count_{days}d", days=days) for days in COUNT_DAYS),
        ContactFact("days_since_contact", kind="days_since"),
        ContactFact(f"rejected_count_{REJECTED_DAYS}d", days=REJECTED_DAYS, outcome="rejected"),
    )
    return (*together, *(fact for channel in sorted(channels) for fact in _of_channel(channel)))


def contact_names(channels: Collection[str]) -> tuple[str, ...]:
    """The names of `contact_facts`."""
    return tuple(fact.name for fact in contact_facts(channels))


def _of_channel(channel: str) -> tuple[ContactFact, ...]:
    word, one = re.sub(r"\W", "_", channel), frozenset({channel})
    counts = (ContactFact(f"{word}_contact_count_{days}d", channels=one, days=days) for days in COUNT_DAYS)
    return (*counts, ContactFact(f"days_since_{word}_contact", kind="days_since", channels=one))
