"""What a check is and what it found: the words in which every check answers."""

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import ibis

Status = Literal["PASS", "WARN", "FAIL"]
Severity = Literal["INFO", "WARN", "FAIL"]

MEND: Final = "Mend the file it came from, and ingest it again."


@dataclass(frozen=True)
class Check:
    """One check: what must hold, whether it does, how many rows break it, the first that does, and what to do.

    `severity` is the status of the check when it is broken; an INFO passes always. A PASS with a count is a note: few enough to be
    usual, or good to know. `table` is empty where the check is about the whole home.
    """

    name: str
    status: Status
    count: int = 0
    first: str = ""
    remedy: str = ""
    table: str = ""
    severity: Severity = "FAIL"
    description: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The same, ready for JSON."""
        return asdict(self)

    def as_row(self) -> dict[str, Any]:
        """What a person reads of it in a table."""
        return {"name": self.name, "status": self.status, "count": self.count, "first": self.first, "remedy": self.remedy}


@dataclass(frozen=True)
class Rule:
    """Something that must hold: of which table (empty: of the home), how bad it is when broken, what it means, and what to do then."""

    table: str
    name: str
    severity: Severity
    description: str
    remedy: str = MEND

    def tried(self, count: int, first: str = "", *, alarm: bool = True) -> Check:
        """Passed where the count is zero, broken otherwise; without `alarm` the count is a note."""
        return self.broken(count, first, alarm=alarm) if count else self.passed()

    def passed(self) -> Check:
        """It holds."""
        return Check(self._full_name, "PASS", table=self.table, severity=self.severity, description=self.description)

    def broken(self, count: int, first: str = "", *, alarm: bool = True) -> Check:
        """It does not hold, for `count` rows (or days, ids, ... as its description says), of which `first` is one in words."""
        status: Status = self.severity if alarm and self.severity != "INFO" else "PASS"
        return Check(self._full_name, status, int(count), first, self.remedy, self.table, self.severity, self.description)

    @property
    def _full_name(self) -> str:
        return f"{self.table}: {self.name}" if self.table else self.name


def only_row(table: ibis.Table) -> dict[str, Any]:
    """The one row of a table that was aggregated without groups, by column."""
    row: dict[str, Any] = table.to_pyarrow().to_pylist()[0]
    return row
