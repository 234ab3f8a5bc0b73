"""PostgreSQL that hangs without closing its connections: whoever waits for an answer is told in some seconds.

A stopped process keeps its connections, and the kernel goes on confirming what is sent to it, so that neither a statement's timeout nor TCP's ends
the wait. A statement may take long where it is known to (a migration, a publication). So a wait is not bounded by its length: now and then, who
waits asks the server for a new connection, and if it does not answer that either, the old one is given up.
"""

import time
from collections.abc import Generator
from typing import Any, Final, TypeVar

import psycopg
from psycopg.errors import ConnectionTimeout
from sqlalchemy import Engine, event

_QUIET_SECONDS: Final = 3.0
_CONNECT_SECONDS: Final = 2

T = TypeVar("T")


class Watched(psycopg.Connection[Any]):
    """A connection whose waits end, with psycopg's OperationalError, when its server no longer answers anybody."""

    def wait(self, gen: Generator[Any, Any, T], *given: Any, **named: Any) -> T:
        """What the driver waits for: every statement, commit and rollback."""
        return super().wait(self._asking_meanwhile(gen), *given, **named)

    def _asking_meanwhile(self, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        """The same steps; nothing ready for long is a reason to ask."""
        asked = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if ready:
                    asked = time.monotonic()
                elif time.monotonic() - asked > _QUIET_SECONDS:
                    self._ask()
                    asked = time.monotonic()
                wanted = gen.send(ready)
        except StopIteration as ended:
            value: T = ended.value
            return value

    def _ask(self) -> None:
        """Gives this connection up if the server takes no other in time; a server that refuses one is there."""
        address: dict[str, Any] = {**self.info.get_parameters(), "password": self.info.password, "connect_timeout": _CONNECT_SECONDS}
        try:
            psycopg.connect(**address).close()
        except ConnectionTimeout as error:
            self.pgconn.finish()
            raise psycopg.OperationalError("the server does not answer") from error
        except psycopg.OperationalError:
            return


def watch(engine: Engine) -> None:
    """Every connection of this PostgreSQL engine is watched."""
    event.listen(engine, "do_connect", lambda _dialect, _record, given, named: Watched.connect(*given, **named))
