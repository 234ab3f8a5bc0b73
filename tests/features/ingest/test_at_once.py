"""Several ingestions at once, and ingestions that are stopped halfway: no order is lost, and the tables change together or not at all."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from features.errors import InputError
from features.home import Home, open_home
from features.ingest.run import ingest

TODAY = datetime(2024, 6, 1)
AT_ONCE = 4

# ingests the two files named, and is killed when a file takes the place of products.parquet: orders.parquet is new by then
KILLED_BETWEEN_TWO_TABLES = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from features.home import open_home
from features.ingest.run import ingest

home, orders, products = (Path(given) for given in sys.argv[1:])
rename = os.replace

def deadly(old, new):
    if Path(new) == home / "tables" / "products.parquet":
        os.kill(os.getpid(), signal.SIGKILL)
    rename(old, new)

os.replace = deadly
ingest(open_home(home), {"orders": [orders], "products": [products]}, today=datetime(2024, 6, 1), threads=1)
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(tmp_path / "home")


def files(folder: Path, mark: str) -> dict[str, list[Path]]:
    """One order and one product that bear this mark."""
    orders, products = folder / f"orders-{mark}.csv", folder / f"products-{mark}.csv"
    orders.write_text(f"customer_id,order_id,ordered_at,product_id\nA,{mark},2024-01-01,P\n")
    products.write_text(f"product_id,name\nP,{mark}\n")
    return {"orders": [orders], "products": [products]}


def take(home: Home, mark: str, *, table: str | None = None, **more) -> None:
    given = files(home.root.parent, mark)
    ingest(home, {table: given[table]} if table else given, today=TODAY, threads=1, **more)


def marks(home: Home) -> tuple[list[str], list[str]]:
    """The order_ids and the products' names that the home holds."""
    return pd.read_parquet(home.table("orders")).order_id.tolist(), pd.read_parquet(home.table("products")).name.tolist()


def killed(home: Home, mark: str) -> None:
    given = [str(path) for paths in files(home.root.parent, mark).values() for path in paths]
    done = subprocess.run([sys.executable, "-c", KILLED_BETWEEN_TWO_TABLES, str(home.root), *given], check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL


def in_the_home(home: Home) -> list[str]:
    return sorted(path.name for path in home.root.iterdir())


def refuse_products(monkeypatch: pytest.MonkeyPatch, home: Home) -> None:
    """The disk refuses the first file that is to take the place of products.parquet."""
    rename, refused = os.replace, []

    def full(old, new):
        if Path(new) == home.table("products") and not refused:
            refused.append(new)
            raise OSError(errno.ENOSPC, "No space left on device")
        rename(old, new)

    monkeypatch.setattr(os, "replace", full)


def test_ingestions_at_once_lose_nothing(home) -> None:
    start = threading.Barrier(AT_ONCE)

    def one(mark: str) -> None:
        start.wait()
        take(home, mark, table="orders", wait_seconds=60)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, [str(i) for i in range(AT_ONCE)]))
    assert sorted(pd.read_parquet(home.table("orders")).order_id) == [str(i) for i in range(AT_ONCE)]


def test_a_home_that_is_made_by_several_at_once_is_one_home(tmp_path) -> None:
    for attempt in range(20):
        start = threading.Barrier(AT_ONCE)

        def one(_: int, start: threading.Barrier = start, root: Path = tmp_path / str(attempt)) -> Home:
            start.wait()
            return open_home(root)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            assert len(set(pool.map(one, range(AT_ONCE)))) == 1


def test_an_ingestion_that_waited_in_vain_says_so_and_changes_nothing(home) -> None:
    take(home, "old")
    with (home.root / ".lock").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="another ingest is running") as caught:
            take(home, "new", wait_seconds=0.2)
        assert marks(open_home(home.root)) == (["old"], ["old"])
    assert caught.value.remedy.endswith(".")
    take(home, "new", wait_seconds=0)
    assert marks(home) == (["new", "old"], ["new"])


def test_a_folder_that_holds_nothing_but_a_lock_becomes_a_home(tmp_path) -> None:
    (tmp_path / ".lock").touch()
    assert open_home(tmp_path).tables.is_dir()


def test_a_folder_of_other_things_is_refused_and_left_as_it_was(tmp_path) -> None:
    (tmp_path / "letter.txt").touch()
    with pytest.raises(InputError, match="other things in it"):
        open_home(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_table_that_cannot_be_replaced_leaves_the_others_as_they_were(home, monkeypatch) -> None:
    take(home, "old")
    before = in_the_home(home)
    refuse_products(monkeypatch, home)
    with pytest.raises(OSError, match="No space left"):
        take(home, "new")
    assert marks(home) == (["old"], ["old"])
    assert in_the_home(home) == before
    take(home, "new")
    assert marks(home) == (["new", "old"], ["new"])


def test_a_first_table_that_cannot_be_written_leaves_no_table(home, monkeypatch) -> None:
    refuse_products(monkeypatch, home)
    with pytest.raises(OSError, match="No space left"):
        take(home, "new")
    assert list(home.tables.iterdir()) == []


def test_after_a_kill_between_two_tables_opening_the_home_puts_the_old_ones_back(home) -> None:
    take(home, "old")
    killed(home, "new")
    assert marks(open_home(home.root)) == (["old"], ["old"])


def test_after_a_kill_between_two_tables_the_next_ingestion_starts_from_the_old_ones_and_sweeps_up(home) -> None:
    take(home, "old")
    before = in_the_home(home)
    killed(home, "lost")
    assert any(name.startswith(".ingest-") for name in in_the_home(home))
    take(home, "new")
    assert marks(home) == (["new", "old"], ["new"])
    assert in_the_home(home) == before


def test_after_a_kill_in_the_first_ingestion_there_is_no_table(home) -> None:
    killed(home, "lost")
    assert list(open_home(home.root).tables.iterdir()) == []
