"""Who may ask: keys with the roles app, crm and admin, each of which may do what the ones before it may.

A server that starts on this machine's own address while there are no keys is open: it answers every program here, and no page of
another site. The first key closes it for good; a server on any other address never opens.
"""

import ipaddress
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from features.errors import InputError
from serving.errors import ProblemError
from serving.state import keys
from serving.state.database import State
from serving.state.keys import ROLES, Key, Role

REFRESH_SECONDS: Final = 10.0
"""How long a new or a revoked key may take to be noticed by a running server."""

_OWN_NAMES: Final = (b"127.0.0.1", b"localhost")


@dataclass
class Gate:
    """The keys of one database, read again every few seconds. `is_open`: everybody on this machine may ask everything."""

    state: State
    _may_be_open: bool = False
    _keys: dict[str, Key] = field(default_factory=dict)
    _read_at: float = float("-inf")

    @classmethod
    def at(cls, host: str, state: State) -> "Gate":
        """The gate of a server on this host. InputError if it would listen to other machines without any key."""
        gate = cls(state)
        if gate.keys():
            return gate
        if not is_loopback(host):
            raise InputError(
                f"Listening on {host} without a key would show every customer to the network.",
                remedy="Make one first (nextbest key create --role admin), or listen on 127.0.0.1.",
            )
        gate._may_be_open = True
        return gate

    def keys(self) -> dict[str, Key]:
        """Every key, by its id."""
        if self.is_stale:
            with self.state.reading() as connection:
                self._keys = keys.all_keys(connection)
            self._read_at = time.monotonic()
            self._may_be_open = self._may_be_open and not self._keys
        return self._keys

    @property
    def is_stale(self) -> bool:
        """Whether the keys have to be read again."""
        return time.monotonic() - self._read_at > REFRESH_SECONDS

    @property
    def is_open(self) -> bool:
        """Whether this server started open and no key was made since; keys that go away again open nothing."""
        self.keys()
        return self._may_be_open

    def role_of(self, token: str) -> Role | None:
        """The role that a token gives; None for a token that is no key of ours."""
        key = self.keys().get(keys.id_of(token) or "")
        return key.role if key and key.matches(token) else None

    def lets_in(self, headers: Iterable[tuple[bytes, bytes]], role: Role) -> bool:
        """Whether these headers of a request do for this role, beyond doubt and without waiting; False leaves the question to `require`."""
        given = dict(headers)
        if self.is_stale:
            return False
        if self._may_be_open:
            return b"origin" not in given and given.get(b"host", b"").partition(b":")[0] in _OWN_NAMES
        found = self.role_of(given.get(b"authorization", b"").removeprefix(b"Bearer ").decode("latin-1"))
        return found is not None and ROLES.index(found) >= ROLES.index(role)


def is_loopback(host: str) -> bool:
    """Whether this name or address is this machine itself."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def require(role: Role) -> Callable[[Request], Awaitable[None]]:
    """A dependency that lets a request pass if its key has this role or a higher one."""

    async def check(request: Request) -> None:
        gate: Gate = request.app.state.serving.gate
        if gate.is_stale:
            await run_in_threadpool(gate.keys)
        if gate.is_open:
            _check_local(request)
        else:
            _check_key(request, gate, role)

    return check


def _check_local(request: Request) -> None:
    # a page elsewhere may point its own name at 127.0.0.1 and read answers through the user's browser
    if not is_loopback(request.url.hostname or ""):
        raise ProblemError(
            403,
            "Without keys this server answers only to the name of this machine.",
            remedy="Ask 127.0.0.1, or make a key: nextbest key create --role admin.",
            kind="no-keys",
        )
    origin = request.headers.get("Origin")
    if origin is not None and not is_loopback(urlsplit(origin).hostname or ""):
        raise ProblemError(
            403,
            f"Without keys this server answers no page of another site, and this request comes from {origin}.",
            remedy="Ask from a page of this machine, or make a key: nextbest key create --role admin.",
            kind="foreign-origin",
        )


def _check_key(request: Request, gate: Gate, role: Role) -> None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    found = gate.role_of(token.strip()) if scheme.lower() == "bearer" else None
    if found is None:
        raise ProblemError(
            401,
            "This request carries no valid key.",
            remedy="Send Authorization: Bearer KEY; nextbest key create makes one.",
            kind="no-valid-key",
            headers={"WWW-Authenticate": "Bearer"},
        )
    if ROLES.index(found) < ROLES.index(role):
        raise ProblemError(403, f"A key of role {found} may not ask this.", remedy=f"Use a key of role {role}.", kind="role-too-low")
