"""What every file of an ingestion is checked against."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class Terms:
    """The latest time that can have happened (naive UTC), the home's currency, whether bad rows are dropped, and a folder to work in."""

    today: datetime
    currency: str
    drop_bad_rows: bool
    workspace: Path
