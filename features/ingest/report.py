"""What an ingestion did: rows read, written, dropped and repaired, each reason with its count and its first offender."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """Rows of one file that share a reason: how many, and the first one's line (in Parquet: row) and text."""

    reason: str
    count: int
    file: str
    line: int | None = None
    value: str | None = None

    def __str__(self) -> str:
        value = f": {self.value!r}" if self.value else ""
        place = f", first at line {self.line:,}{value}" if self.line is not None else ""
        return f"{self.count:,} {self.reason}{place} ({self.file})"


@dataclass(frozen=True)
class TableReport:
    """One table: rows read from its files, rows written of them, rows that the home holds now, and whether its file changed.

    `dropped` rows were left out, `repaired` rows were written differently from how they stood, `noted` rows are worth knowing.
    A table that was derived from another one has no files of its own.
    """

    table: str
    files: tuple[str, ...]
    rows_read: int
    rows_written: int
    rows_now: int
    changed: bool
    dropped: tuple[Finding, ...] = ()
    repaired: tuple[Finding, ...] = ()
    noted: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Report:
    """What an ingestion did, per table in the contract's order."""

    tables: tuple[TableReport, ...]

    def table(self, name: str) -> TableReport:
        """The report of this table; KeyError if the ingestion did not touch it."""
        return {t.table: t for t in self.tables}[name]

    def as_dict(self) -> dict[str, Any]:
        """The same, ready for JSON."""
        return {"tables": {t.table: asdict(t) for t in self.tables}}

    def lines(self) -> list[str]:
        """The same, for people."""
        return [line for table in self.tables for line in _lines(table)]


def _lines(table: TableReport) -> Iterable[str]:
    now = f"{table.rows_now:,} rows now" if table.changed else f"unchanged, {table.rows_now:,} rows"
    if table.files:
        yield f"{table.table}: {table.rows_read:,} rows read, {table.rows_written:,} written; {now}"
    else:
        yield f"{table.table}: derived from orders; {now}"
    for word, findings in (("dropped", table.dropped), ("repaired", table.repaired), ("noted", table.noted)):
        for finding in findings:
            yield f"  {word}: {finding}"
