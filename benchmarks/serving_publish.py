"""Publishing a large home: wall and CPU time to the last commit, on each database.

    python -P -m benchmarks.serving_publish HOME URL

is the piece of work that runs in a process of its own.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from benchmarks.generated_shop import AS_OF, make_home
from benchmarks.measuring import Stopwatch, measured, tell
from benchmarks.serving_rows import Row
from serving.cli.publication import publish_tables
from serving.cli.workspace import Workspace
from serving.settings import load_settings

MINUTES: Final = 3.0
_LINES_PER_CUSTOMER: Final = 38.6


def publication(folder: Path, urls: Mapping[str, str], customers: int) -> Iterator[Row]:
    """A row for each database; the target is of a million customers, and of as many fewer minutes as there are fewer."""
    home = make_home(folder / "large", int(customers * _LINES_PER_CUSTOMER), threads=2)
    for name, url in urls.items():
        cost = measured("serving_publish", home.root, url)
        told = f"{cost.cpu_seconds:,.0f} CPU-s, {cost.peak_bytes / 2**30:.2f} GB"
        yield Row(
            f"publication of {cost.told['customers']:,} customers, {name}", cost.wall_seconds / 60, "min", MINUTES * customers / 1e6, told
        )


def main() -> None:
    """What `nextbest publish` does with a home that has no champions: scoring is measured elsewhere."""
    folder, url = sys.argv[1:]
    watch = Stopwatch()
    work = Workspace(load_settings(home=folder, database_url=url), json=True)
    with watch.time("work"):
        found = publish_tables(work, AS_OF)
    tell(watch, customers=found.customer_count)


if __name__ == "__main__":
    main()
