"""A picture of the affinity benchmark, drawn the same at every run: NDCG@10 of ours and of every peer, row by row."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.affinity_peers import NAMES
from benchmarks.affinity_protocol import ALL, MODES
from benchmarks.affinity_rows import OURS, Row

STYLES: Final = dict(
    zip(
        (*NAMES, OURS),
        (("#555555", "s"), ("#E69F00", "v"), ("#56B4E9", "^"), ("#009E73", "D"), ("#CC79A7", "P"), ("#D55E00", "X"), ("#0072B2", "o")),
        strict=True,
    )
)
"""Colours that the colour-blind can tell apart (Okabe and Ito), and marks that anybody can."""
TITLES: Final = {ALL: "All products, repeats counted", "new": "Products that the customer never bought"}


def draw(rows: Sequence[Row], folder: Path) -> Path:
    """Writes affinity.svg: a panel of each mode, a line of each history, a mark of each system; ours with 95 % intervals."""
    from matplotlib import rc_context  # noqa: PLC0415 - it takes a second to load, and only pictures need it
    from matplotlib.figure import Figure  # noqa: PLC0415

    path = folder / "affinity.svg"
    with rc_context({"svg.hashsalt": "nextbest", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9}):
        figure = Figure(figsize=(10.0, 1.6 + 0.22 * len(rows)), layout="constrained")
        panels = figure.subplots(1, len(MODES), sharey=True)
        for axes, mode in zip(panels, MODES, strict=True):
            _panel(axes, [row for row in rows if row.mode == mode])
            axes.set(title=TITLES[mode], xlabel="NDCG@10")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
        figure.savefig(path, metadata={"Date": None, "Creator": None})
    return path


def _panel(axes: Any, rows: Sequence[Row]) -> None:
    places = list(range(len(rows)))
    for name, (colour, mark) in STYLES.items():
        if name not in rows[0].found:
            continue
        values, is_ours = [row.found[name].ndcg for row in rows], name == OURS
        if is_ours:
            axes.errorbar(
                values, places, xerr=[1.96 * row.found[name].ndcg_error for row in rows], fmt="none", ecolor=colour, linewidth=1.2
            )
        axes.scatter(values, places, color=colour, marker=mark, s=52 if is_ours else 26, label=name, zorder=3 if is_ours else 2)
    axes.set_yticks(places, [row.case for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
