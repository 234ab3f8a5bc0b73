"""API keys: made once, shown once, stored as a hash."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

from sqlalchemy import Connection, insert, select

from features.errors import InputError
from serving.state.database import State
from serving.state.tables import API_KEYS

Role = Literal["app", "crm", "admin"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
PREFIX: Final = "nb"


@dataclass(frozen=True)
class Key:
    """A stored key: what it may do and the hash of its secret, never the secret."""

    key_id: str
    secret_hash: str
    role: Role

    def matches(self, token: str) -> bool:
        """Whether this is the key's token; takes equally long for every wrong one."""
        return hmac.compare_digest(_hash(token), self.secret_hash)


def create(state: State, role: str, *, created_at: datetime) -> str:
    """A new key's token, to be shown once: it cannot be read back. InputError for a role that is none."""
    if role not in ROLES:
        raise InputError(f"There is no role {role!r}.", remedy=f"Choose one of: {', '.join(ROLES)}.")
    key_id = secrets.token_hex(4)
    token = f"{PREFIX}_{key_id}_{secrets.token_urlsafe(32)}"
    with state.writing() as connection:
        connection.execute(insert(API_KEYS), [{"key_id": key_id, "secret_hash": _hash(token), "role": role, "created_at": created_at}])
    return token


def all_keys(connection: Connection) -> dict[str, Key]:
    """Every key, by its id."""
    return {row.key_id: Key(row.key_id, row.secret_hash, row.role) for row in connection.execute(select(API_KEYS))}


def id_of(token: str) -> str | None:
    """The id within a token; None if it has not the form of one."""
    parts = token.split("_", 2)
    return parts[1] if len(parts) == 3 and parts[0] == PREFIX else None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
