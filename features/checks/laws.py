"""A law holds in every row of a table: tried together with all others in one pass, and once more for the offenders."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import ibis

from features.checks.findings import MEND, Check, Rule, Severity, only_row
from features.contract import Table

Alarm = Callable[[int, int], bool]


def any_row(broken: int, rows: int) -> bool:
    """One row that breaks it is too many."""
    return 0 < broken <= rows


def all_rows(broken: int, rows: int) -> bool:
    """Broken only if no row keeps it; what single rows do is no matter."""
    return broken == rows


def holes(tolerated: float) -> Alarm:
    """Over this share of the rows, but not all: a column with holes, not one that the source does not have."""

    def alarm(broken: int, rows: int) -> bool:
        return tolerated * rows < broken < rows

    return alarm


@dataclass(frozen=True)
class Law:
    """What must hold in every row: where it is broken, the row in words, how bad that is, what it means, and what to do.

    `alarm` says, of broken rows and all rows, whether it is an alarm; where it is none, the count is a note.
    """

    name: str
    broken: Any
    offender: Any
    meaning: str
    severity: Severity = "FAIL"
    remedy: str = MEND
    alarm: Alarm = any_row


def tried(table: Table, rows: ibis.Table, every: Iterable[Law]) -> Iterator[Check]:
    """All laws of a table in one pass over it, and a second one for the offenders, if there are any."""
    laws = {f"law{i}": law for i, law in enumerate(every)}
    marked = rows.select(**{mark: law.broken.fill_null(False) for mark, law in laws.items()})
    counts = only_row(marked.aggregate(rows=marked.count(), **{mark: marked[mark].sum().fill_null(0) for mark in laws}))
    broken = {mark: law for mark, law in laws.items() if counts[mark] and not _is_beside_the_point(law, counts[mark], counts["rows"])}
    firsts = only_row(_offenders(table, rows, broken)) if broken else {}
    for mark, law in laws.items():
        rule = Rule(table.name, law.name, law.severity, law.meaning, law.remedy)
        alarm = law.alarm(counts[mark], counts["rows"])
        yield rule.broken(counts[mark], firsts[mark] or "", alarm=alarm) if mark in broken else rule.passed()


def _is_beside_the_point(law: Law, broken: int, rows: int) -> bool:
    return law.alarm is all_rows and broken < rows


def _offenders(table: Table, rows: ibis.Table, broken: Mapping[str, Law]) -> ibis.Table:
    """Per law the oldest row that breaks it, in words; where no such row has an instant, the first by alphabet."""
    at = rows[table.instant] if table.instant else rows[table.key[0]]
    said = {mark: law.broken.ifelse(law.offender, ibis.null("string")) for mark, law in broken.items()}
    shown = rows.select(__at=at, **said)
    oldest = {mark: shown[mark].argmin(shown["__at"], where=shown[mark].notnull()) for mark in broken}
    return shown.aggregate(**{mark: ibis.coalesce(oldest[mark], shown[mark].min()) for mark in broken})
