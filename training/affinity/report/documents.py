"""Both documents of a backtest, by their names."""

from typing import Final

import pandas as pd

from training.affinity.backtest import Backtest
from training.affinity.history import History
from training.affinity.report.figures import Figures, figures
from training.affinity.report.page import page
from training.affinity.report.text import text

TITLE: Final = "Affinity: what was recommended, and what was bought"
HTML: Final = "affinity_report.html"
MARKDOWN: Final = "affinity_report.md"


def report(tried: Backtest, history: History, products: pd.DataFrame, *, seed: int = 0) -> dict[str, str]:
    """The report as a page and as Markdown, by file name, of the history that was tried and the products as Interactions has them.

    The same input and seed give the same text. Without enough history for a backtest both say so.
    """
    return documents(figures(tried, history, products, seed=seed))


def documents(told: Figures) -> dict[str, str]:
    """Both documents of these figures."""
    return {HTML: page(TITLE, told), MARKDOWN: text(TITLE, told)}
