"""The members of an audience as rows of a file: who, by which decision, what to say to them, and when. Also without clear names, for advertising."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

import pyarrow as pa

from decisions.actions import Shop
from decisions.addresses import product_address
from decisions.decision import Chosen, Decision
from serving.table_formats import Answer, Format, formats_of

_TEXT, _NUMBER, _INSTANT, _TEXTS = pa.string(), pa.float64(), pa.timestamp("us"), pa.list_(pa.string())
Values = dict[str, Any]
Columns = tuple[tuple[str, pa.DataType], ...]

_DECIDED: Final[Columns] = (
    ("customer_id", _TEXT),
    ("decision_id", _TEXT),
    ("action_id", _TEXT),
    ("channel", _TEXT),
    ("action_probability", _NUMBER),
    ("priority", _NUMBER),
    ("send_at", _INSTANT),
    ("locale", _TEXT),
)
_OFFERED: Final[Columns] = (
    ("product_ids", _TEXTS),
    ("product_names", _TEXTS),
    ("product_urls", _TEXTS),
    ("offer_code", _TEXT),
    ("valid_until", pa.date32()),
)
_CLEAR: Final[Columns] = (
    ("name", _TEXT),
    ("email", _TEXT),
    ("phone", _TEXT),
    ("subject", _TEXT),
    ("body", _TEXT),
    ("format", _TEXT),
    ("sender_name", _TEXT),
    ("sender_reply_to", _TEXT),
)
_HASHED: Final[Columns] = (("email_sha256", _TEXT), ("phone_sha256", _TEXT), ("phone_e164_sha256", _TEXT))

SCHEMA: Final = pa.schema([*_DECIDED, *_CLEAR, *_OFFERED])
HASHED_SCHEMA: Final = pa.schema([*_DECIDED, *_HASHED, *_OFFERED])
"""Without name, addresses and message, which may have the name in it: what an advertising tool matches people by."""

ADDRESSES: Final[Mapping[str, str]] = {"email": "email", "sms": "phone", "phone": "phone"}
"""By which field of their profile a channel reaches customers."""


@dataclass(frozen=True)
class RowForm:
    """How members are written: columns, and what fills those that tell who they are."""

    schema: Any
    who: Callable[[Decision], Values]

    @property
    def formats(self) -> tuple[Format, ...]:
        """The kinds of files."""
        return formats_of(self.schema)

    def values(self, decision: Decision, shop: Shop) -> Values:
        """One member by the columns' names; products at their addresses in this shop."""
        chosen = decision.actions[0]
        found = {**_decided(decision, chosen), **self.who(decision), **_offered(decision, chosen, shop)}
        return {name: found[name] for name in self.schema.names}

    def row(self, decision: Decision, shop: Shop) -> Answer:
        """The same as a row of the table."""
        return tuple(self.values(decision, shop).values())


def email_hash(email: str | None) -> str | None:
    """SHA-256 of the trimmed address in lower case, as Google's and Meta's customer match take it; None without one."""
    plain = (email or "").strip().lower()
    return _sha256(plain) if plain else None


def international(phone: str | None) -> str | None:
    """The digits of the number with its country code (E.164 without the plus); None for one that does not begin with + or 00, and is unclear."""
    plain = re.sub(r"[\s().\-/]", "", phone or "")
    found = re.fullmatch(r"(?:\+|00)([1-9][0-9]{6,14})", plain)
    return found[1] if found else None


def _clear(decision: Decision) -> Values:
    profile, message = decision.situation.profile, decision.actions[0].message
    sender = message.sender if message else None
    return {
        **{name: _known(profile, name) for name in ("name", "email", "phone")},
        "subject": message.subject if message else None,
        "body": message.body if message else None,
        "format": message.format if message else None,
        "sender_name": sender.name if sender else None,
        "sender_reply_to": sender.reply_to if sender else None,
    }


def _hashed(decision: Decision) -> Values:
    profile = decision.situation.profile
    digits = international(_known(profile, "phone"))
    return {
        "email_sha256": email_hash(_known(profile, "email")),
        "phone_sha256": _sha256(digits) if digits else None,
        "phone_e164_sha256": _sha256(f"+{digits}") if digits else None,
    }


CLEAR: Final = RowForm(SCHEMA, _clear)
HASHED: Final = RowForm(HASHED_SCHEMA, _hashed)


def without_address(decision: Decision) -> bool:
    """Whether nothing is known by which this channel could reach them."""
    field = ADDRESSES.get(decision.actions[0].channel)
    return field is not None and not _known(decision.situation.profile, field)


def _decided(decision: Decision, chosen: Chosen) -> Values:
    return {
        "customer_id": decision.customer_id,
        "decision_id": decision.decision_id,
        "action_id": chosen.action_id,
        "channel": chosen.channel,
        "action_probability": chosen.action_probability,
        "priority": chosen.priority,
        "send_at": chosen.send_at,
        "locale": chosen.message.locale if chosen.message else None,
    }


def _offered(decision: Decision, chosen: Chosen, shop: Shop) -> Values:
    offer = chosen.offer
    days = offer.valid_days if offer else None
    return {
        "product_ids": [each.product_id for each in chosen.products],
        "product_names": [each.name for each in chosen.products],
        "product_urls": [product_address(each.product_id, each.url, shop) for each in chosen.products],
        "offer_code": (offer.code or None) if offer else None,
        "valid_until": None if days is None else (decision.decided_at + timedelta(days=days)).date(),
    }


def _known(profile: Mapping[str, object], name: str) -> str | None:
    value = profile.get(name)
    return value if isinstance(value, str) and value else None


def _sha256(text: str) -> str:
    return sha256(text.encode()).hexdigest()
