"""Pictures of a row of the churn benchmark, drawn the same at every run: are the probabilities right, and do the deciles of risk differ?"""

import re
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.churn_rivals import NAMES
from benchmarks.churn_rows import OURS, ChurnRow
from training.evaluation.classification import calibration_table

Floats = NDArray[np.float64]
STYLES: Final = ((OURS, "#0072B2", "o", 2.4), ("best rival", "#D55E00", "s", 1.3), ("second best", "#009E73", "^", 1.3))
"""Whom, with colours that the colour-blind can tell apart (Okabe and Ito), and with marks that anybody can."""
DECILES: Final = 10


def draw(row: ChurnRow, folder: Path) -> Path:
    """Writes churn-<row>.svg: reliability and deciles of ours and the two rivals with the smallest Brier scores."""
    from matplotlib import rc_context  # noqa: PLC0415 - it takes a second to load, and only pictures need it
    from matplotlib.figure import Figure  # noqa: PLC0415

    path = folder / f"churn-{re.sub(r'[^a-z0-9]+', '-', row.name.lower())}.svg"
    with rc_context({"svg.hashsalt": "nextbest", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9}):
        figure = Figure(figsize=(9.0, 3.9), layout="constrained")
        left, right = figure.subplots(1, 2)
        _reliability(left, row)
        _deciles(right, row)
        figure.suptitle(f"{row.name}: {len(row.churned):,} active customers", fontsize=10)
        figure.savefig(path, metadata={"Date": None, "Creator": None})
    return path


def drawn_models(row: ChurnRow) -> list[str]:
    """Ours, and the two rivals with the smallest Brier scores."""
    found = row.found
    return [OURS, *sorted((name for name in NAMES if name in found), key=lambda name: found[name].brier)[:2]]


def churned_by_decile(churned: Floats, probability: Floats) -> Floats:
    """The share that churned in each tenth of the customers, the tenth with the highest probabilities first."""
    order = np.argsort(-probability, kind="stable")
    return np.array([part.mean() for part in np.array_split(churned[order], DECILES)])


def _reliability(axes: Any, row: ChurnRow) -> None:
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--", label="perfect")
    for name, (_, colour, mark, width) in zip(drawn_models(row), STYLES, strict=True):
        table = calibration_table(row.churned, row.probabilities[name], bins=DECILES)
        axes.plot(table["predicted"], table["observed"], color=colour, marker=mark, linewidth=width, markersize=5, label=name, zorder=width)
    axes.set(title="Reliability: tenths by probability", xlabel="predicted share that churns", ylabel="share that churned")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.legend(frameon=False, loc="upper left")


def _deciles(axes: Any, row: ChurnRow) -> None:
    places = np.arange(1, DECILES + 1)
    axes.axhline(row.churned.mean(), color="#999999", linewidth=1, linestyle="--", label="all customers")
    for name, (_, colour, mark, width) in zip(drawn_models(row), STYLES, strict=True):
        shares = churned_by_decile(row.churned, row.probabilities[name])
        axes.plot(places, shares, color=colour, marker=mark, linewidth=width, markersize=5, label=name, zorder=width)
    axes.set(title="Deciles of risk", xlabel="tenth of the customers, the riskiest first", ylabel="share that churned")
    axes.set(ylim=(0, 1), xticks=places)
    axes.legend(frameon=False, loc="lower left")
