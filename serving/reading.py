"""Reads somebody for a route in the event loop: in one round trip, and in a transaction of a thread where that does not do."""

from dataclasses import dataclass

from fastapi.concurrency import run_in_threadpool

from serving.shop import Shop, Shops
from serving.state import somebody
from serving.state.database import State
from serving.state.somebody import Rows, SomebodyReader, Whom


@dataclass(frozen=True)
class Reading:
    """What one application reads customers with."""

    state: State
    reader: SomebodyReader
    shops: Shops

    async def rows(self, whom: Whom) -> tuple[Rows, Shop]:
        """What is stored about them, and a publication not older than the one that it is of. Raises what the database does where it does not answer."""
        rows = await self.reader.rows(whom)
        shop = None if rows is None else self.shops.at_hand(rows.generation)
        if rows is None or shop is None:
            return await run_in_threadpool(self.rows_now, whom)
        return rows, shop

    def rows_now(self, whom: Whom) -> tuple[Rows, Shop]:
        """The same for a thread."""
        with self.state.reading() as connection:
            (rows,) = somebody.read(connection, [whom])
            return rows, self.shops.current(connection, at_least=rows.generation)

    async def close(self) -> None:
        """Closes the connections."""
        await self.reader.close()
