"""Time and memory of training, scoring and fitting churn, each piece in a process of its own: python -m benchmarks.churn_speed PIECE ..."""

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.churn_histories import FILES, NEVER, PRESETS
from benchmarks.generated_shop import AS_OF, make_home
from benchmarks.measuring import Cost, Stopwatch, measured, tell
from features.engine import open_tables
from features.home import Home, open_home
from features.ingest.mapping import load_mapping
from features.ingest.run import ingest
from features.journey import load_stages
from training.bands import load_bands
from training.churn import ChurnModel
from training.clv import bg_nbd
from training.recipes import train_churn, train_value
from training.registry import Registry
from training.score import churn_scores, churn_scores_with_reasons
from training.value import ValueModel

Floats = NDArray[np.float64]
GENERATED_LINES: Final = 3_930_000  # 100,000 customers and some
HORIZON_DAYS: Final = 60
BUYERS: Final = 1_000_000
LAW: Final = bg_nbd.BGNBD(r=0.243, alpha=4.414 * 7, a=0.793, b=2.426)  # of the CDNOW sample, in days


@dataclass(frozen=True)
class Measured:
    """One line of the table: what was done, its cost, and the wall seconds that it may take."""

    what: str
    cost: Cost
    target_seconds: float

    def line(self) -> str:
        """A row in Markdown."""
        met = "met" if self.cost.wall_seconds <= self.target_seconds else "missed"
        figures = f"{self.cost.wall_seconds:.1f} s | {self.cost.cpu_seconds:.1f} CPU-s | {self.cost.peak_bytes / 2**30:.2f} GB"
        return f"| {self.what} | {figures} | {self.target_seconds:g} s | {met} |"


def speed_table(data: Path | None, threads: int) -> str:
    """Every piece, one after the other, as Markdown."""
    with tempfile.TemporaryDirectory(prefix="nextbest-bench-") as place:
        folder = Path(place)
        shop = make_home(folder / "shop", GENERATED_LINES, threads=2).root
        rows = [_row(f"BG/NBD fitted on {BUYERS:,} customers", 60, "buyers", shop, threads)]
        if data and (data / FILES["cdnow"]).exists():
            cdnow = _cdnow_home(folder / "cdnow", data / FILES["cdnow"]).root
            rows.append(_row("`train churn`, CDNOW, 90 days", 90, "train_cdnow", cdnow, threads))
        rows.append(_row(f"`train churn`, a generated shop, {HORIZON_DAYS} days", 300, "train", shop, threads))
        rows.append(_row("everybody's churn scores there, without reasons", 20, "score", shop, threads))
        rows.append(_row("the same with reasons", 60, "score_with_reasons", shop, threads))
        rows.append(_row("`train value` there", 300, "train_values", shop, threads))
        rows.append(_row("everybody's scores of churn and value, with reasons", 60, "score_with_reasons", shop, threads))
    return "\n".join(["| what | wall | CPU | peak memory | target | |", "|---|---|---|---|---|---|", *(row.line() for row in rows)])


def _row(what: str, target_seconds: float, piece: str, home: Path, threads: int) -> Measured:
    cost = measured("churn_speed", piece, home, threads)
    print(f"{what}: {cost}; {cost.told}", flush=True)
    return Measured(f"{what} ({cost.told['customers']:,} customers)", cost, target_seconds)


def _cdnow_home(folder: Path, file: Path) -> Home:
    home = open_home(folder)
    ingest(home, {"orders": [file]}, load_mapping(PRESETS["cdnow"]), today=NEVER)
    return home


def train_cdnow(home: Home, threads: int, watch: Stopwatch) -> dict[str, object]:
    """All of `nextbest train churn` but the publication, as of 1998-04-01, 90 days ahead."""
    registry = Registry(home)
    with watch.time("work"):
        trained = train_churn(open_tables(home), registry, datetime(1998, 4, 1), 90, threads=threads)
    return {"customers": 23_570, "version": trained.version, "why": trained.why}


def train(home: Home, threads: int, watch: Stopwatch) -> dict[str, object]:
    """The same on the generated shop."""
    registry = Registry(home)
    with watch.time("work"):
        trained = train_churn(open_tables(home), registry, AS_OF, HORIZON_DAYS, threads=threads)
    return {"customers": _customers(home), "why": trained.why}


def train_values(home: Home, threads: int, watch: Stopwatch) -> dict[str, object]:
    """Expected orders, spend and the next order's day, on the generated shop."""
    registry = Registry(home)
    with watch.time("work"):
        trained = train_value(open_tables(home), registry, AS_OF, HORIZON_DAYS, threads=threads)
    return {"customers": _customers(home), "why": trained.why}


def score(home: Home, threads: int, watch: Stopwatch) -> dict[str, object]:
    """Everybody's scores without reasons, the reading of the models counted."""
    with watch.time("work"):
        scores = churn_scores(open_tables(home), *_models(home, threads), AS_OF, load_bands(), load_stages())
    return {"customers": len(scores)}


def score_with_reasons(home: Home, threads: int, watch: Stopwatch) -> dict[str, object]:
    """Everybody's scores with three reasons each."""
    with watch.time("work"):
        scores = churn_scores_with_reasons(open_tables(home), *_models(home, threads), AS_OF, load_bands(), load_stages())
    return {"customers": len(scores), "reasons": int(scores["reasons"].map(len).sum())}


def buyers(_home: Home, _threads: int, watch: Stopwatch) -> dict[str, object]:
    """BG/NBD on customers drawn from its own law, whose parameters it must find again."""
    x, t_x, T = drawn_buyers(BUYERS, np.random.default_rng(5))
    with watch.time("work"):
        fitted = bg_nbd.fit(x, t_x, T)
    return {"customers": len(x), "fitted": vars(fitted), "true": vars(LAW)}


def drawn_buyers(customers: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """(x, t_x, T) in whole days of customers who live by LAW, acquired over two years and watched until the end of the third."""
    T = np.floor(rng.uniform(365.0, 1095.0, customers))
    rate, leaving = rng.gamma(LAW.r, 1.0 / LAW.alpha, customers), rng.beta(LAW.a, LAW.b, customers)
    x, last = np.zeros(customers), np.zeros(customers)
    alive = np.arange(customers)
    while len(alive):
        at = last[alive] + rng.exponential(1.0 / np.maximum(rate[alive], 1e-9))
        alive, at = alive[at < T[alive]], at[at < T[alive]]
        last[alive], x[alive] = at, x[alive] + 1.0
        alive = alive[rng.random(len(alive)) >= leaving[alive]]
    return x, np.floor(last), T


def _models(home: Home, threads: int) -> tuple[ChurnModel, ValueModel | None]:
    """The champions; no value model before one was trained."""
    registry = Registry(home)
    value = None if registry.champion("value") is None else ValueModel.load(registry.fetch("value"), threads=threads)
    return ChurnModel.load(registry.fetch("churn"), threads=threads), value


def _customers(home: Home) -> int:
    return int(open_tables(home).orders.customer_id.nunique().execute())


PIECES: Final[dict[str, Callable[[Home, int, Stopwatch], dict[str, object]]]] = {
    "buyers": buyers,
    "train_cdnow": train_cdnow,
    "train": train,
    "train_values": train_values,
    "score": score,
    "score_with_reasons": score_with_reasons,
}


def main() -> None:
    """Runs the piece that the command line names."""
    piece, folder, threads = sys.argv[1:]
    watch = Stopwatch()
    told = PIECES[piece](open_home(Path(folder)), int(threads), watch)
    tell(watch, **told)


if __name__ == "__main__":
    main()
