"""Contacts as a publication tells them, as of a time: with the outcomes that were known by then."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from decisions.situation import Contact


def published_contact(contact: Mapping[str, Any], now: datetime) -> Contact:
    """The contact with its outcomes from before now."""
    instants = contact.get("outcomes_at", [contact["decided_at"]] * len(contact["outcomes"]))  # older publications have none: known since
    answers = zip(contact["outcomes"], instants, strict=True)
    return Contact(
        decision_id=contact["decision_id"],
        action_id=contact["action_id"],
        channel=contact["channel"] or "",
        decided_at=datetime.fromisoformat(contact["decided_at"]),
        outcomes=tuple(outcome for outcome, at in answers if datetime.fromisoformat(at) < now),
    )
