"""What the affinity benchmark prints, as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Final

from benchmarks.affinity_ease import MOST_PRODUCTS
from benchmarks.affinity_ours import Ours
from benchmarks.affinity_peers import NAMES
from benchmarks.affinity_published import published, short
from benchmarks.affinity_rows import OURS, Row, reference_verdict, verdict

TRAINING_SECONDS: Final = {"online_retail": 180.0, "tafeng": 360.0}
SCORING_SECONDS: Final = {"tafeng": 120.0}
MEMORY_BYTES: Final = 4 * 2**30


def quality_table(rows: Sequence[Row]) -> str:
    """recall@10 / NDCG@10 of everybody, with the standard error of the latter; the highest NDCG@10 of each row in bold."""
    lines = []
    for row in rows:
        best = max(row.found, key=lambda name: row.found[name].ndcg)
        cells = [_cell(row, name, bold=name == best) for name in (*NAMES, OURS) if name in row.found]
        against = [f"{row.gain:+.1%} ({row.best_peer}, se {row.error / row.found[row.best_peer].ndcg:.1%})"] if OURS in row.found else []
        lines.append([row.case, row.mode, f"{row.customers:,}", *cells, *against])
    names = [name for name in (*NAMES, OURS) if name in rows[0].found]
    head = ["recall@10/NDCG@10 (se)", "mode", "customers", *names]
    return markdown([*head, "ours to the best peer"] if OURS in names else head, lines)


def reference_table(rows: Sequence[Row]) -> str:
    """The reference figures beside what this run found; empty where no row has any."""
    known = [row for row in rows if published(row.case, row.mode)]
    lines = []
    for row in known:
        cells = [f"{figures}" for figures in published(row.case, row.mode).values()]
        reached = {None: [], True: ["reached"], False: ["missed"]}[row.reached if OURS in row.found else None]
        lines.append([row.case, row.mode, *cells, *reached])
    if not known:
        return ""
    head = ["reference figures", "mode", *published(known[0].case, known[0].mode)]
    return markdown([*head, "ours"] if OURS in known[0].found else head, lines)


def cost_table(costs: Mapping[str, Ours]) -> str:
    """What training and scoring took, beside what they may take; the start of the command and the reading of tables are counted."""
    lines = []
    for case, ours in costs.items():
        limit, scoring = _limit(TRAINING_SECONDS, case), _limit(SCORING_SECONDS, case)
        peak = max(ours.training.peak_bytes, ours.scoring.peak_bytes)
        lines.append([case, f"{ours.customers:,}", f"{ours.training}", _met(ours.training.wall_seconds, limit, "s")])
        lines[-1] += [f"{ours.scoring}", _met(ours.scoring.wall_seconds, scoring, "s"), _met(peak / 2**30, MEMORY_BYTES / 2**30, "GB")]
    head = ["ours", "customers", "training", "at most", "scoring top 20", "at most", "memory at most"]
    return markdown(head, lines) if lines else ""


def parameter_table(rows: Sequence[Row]) -> str:
    """With which parameters each peer came, as one step earlier in the history chose, and what a peer leaves out."""
    names = [name for name in NAMES if name in rows[0].settings]
    limit = f"EASE models the {MOST_PRODUCTS:,} products in most baskets; the others stand behind them, by popularity."
    table = markdown(["parameters", "mode", *names], [[row.case, row.mode, *(row.settings[name] for name in names)] for row in rows])
    return f"{table}\n\n{limit}"


def verdicts(rows: Sequence[Row]) -> str:
    """The rule beside the reference figures where there are any, and beside the peers of this run; empty without ours."""
    if OURS not in rows[0].found:
        return ""
    known = [row for row in rows if row.reached is not None]
    said = [f"The rule, beside the reference figures: {reference_verdict(known)}"] if known else []
    said += [f"The rule, the same rows beside the peers of this run: {verdict(known)}"] if known else []
    return "\n".join([*said, f"The rule, all rows beside the peers of this run: {verdict(rows)}"])


def markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *lines)).replace("| --- ", "|---")


def _cell(row: Row, name: str, *, bold: bool) -> str:
    found = row.found[name]
    text = f"{short(found.recall)}/{short(found.ndcg)} ({short(found.ndcg_error)})"
    return f"**{text}**" if bold else text


def _limit(limits: Mapping[str, float], case: str) -> float | None:
    return next((limit for name, limit in limits.items() if case.startswith(name)), None)


def _met(taken: float, limit: float | None, unit: str) -> str:
    return "" if limit is None else f"{limit:g} {unit}: {'met' if taken <= limit else 'missed'}"
