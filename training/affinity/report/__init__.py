"""The offline report of an affinity backtest: figures as tables first, pictures drawn from the tables, and examples that a person can read.

`report` makes both documents, one page of HTML and one of Markdown. All figures are of the backtest's newest cut, which nothing that is
measured there had seen.
"""

from training.affinity.report.documents import report

__all__ = ["report"]
