"""A long, even load on a mix of routes: no error, and memory that stays as it is."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.serving_load import CONNECTIONS, load, warmed
from benchmarks.serving_processes import Running
from benchmarks.serving_rows import Row
from benchmarks.serving_shop import Shop

SHARE: Final = 0.7
MOST_GROWTH: Final = 0.05
_EACH_SECONDS: Final = 2.0
_WARM_SHARE: Final = 0.2


@dataclass
class Watched:
    """What a server held in memory, every _EACH_SECONDS."""

    resident: list[int] = field(default_factory=list)

    def growth(self) -> float:
        """By what share it grew between the end of the warm-up (the first fifth) and the end, each a tenth of the time on average."""
        held = np.array(self.resident, float)
        tenth, warm = max(len(held) // 10, 1), int(len(held) * _WARM_SHARE)
        return float(held[-tenth:].mean() / held[warm : warm + tenth].mean() - 1)


def soak(shop: Shop, minutes: float, folder: Path) -> list[Row]:
    """Rows for the memory and the load; SystemExit at an answer that is none, or of another status than 2xx."""
    mixed = mix(shop, shop.some(2_000))
    with shop.serve(folder / "soak.log") as server:
        most = warmed(server, mixed, seconds=10)
        turn = CONNECTIONS / (SHARE * most.rate) * 1000
        tried = load(server, mixed, seconds=10, delay_ms=turn)
        rest = turn - tried.p50 / 1000
        with watching(server) as watched:
            held = load(server, mixed, seconds=minutes * 60, delay_ms=max(rest, 0.0))
    what = f"{minutes:g} minutes of {held.rate:,.0f} requests/s ({held.rate / most.rate:.0%} of {most.rate:,.0f}), a mix of routes, {shop.database}"
    told = f"{held.requests:,} requests, no error; {held.cpu_microseconds:,.0f} us each; p50 {held.p50 / 1000:.1f} ms, p99 {held.p99 / 1000:.1f} ms"
    return [
        Row(
            f"{what}: memory more after the warm-up",
            100 * watched.growth(),
            "%",
            100 * MOST_GROWTH,
            f"{watched.resident[-1] / 2**20:,.0f} MB; {told}",
        )
    ]


def mix(shop: Shop, who: list[str]) -> list[bytes]:
    """Of each six requests three for a churn score, one list, one event, one decision."""
    parts = (shop.churn(who), shop.recommendations(who), shop.churn(who[::-1]), shop.events(who), shop.churn(who), shop.decisions(who))
    return list(chain.from_iterable(zip(*parts, strict=True)))


@contextmanager
def watching(server: Running) -> Iterator[Watched]:
    """Looks at the server's memory until the block ends."""
    watched, over = Watched(), threading.Event()

    def look() -> None:
        while not over.wait(_EACH_SECONDS):
            watched.resident.append(server.resident_bytes())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield watched
    finally:
        over.set()
        thread.join()
        watched.resident.append(server.resident_bytes())
