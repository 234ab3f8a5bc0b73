"""Backtests as tables that a person reads."""

from collections.abc import Mapping

import pandas as pd


def comparison(metrics: Mapping[str, Mapping[str, float]], *, by: str) -> pd.DataFrame:
    """One row per candidate (index `candidate`), one column per metric, lowest `by` first; a metric that one lacks is NaN."""
    table = pd.DataFrame.from_dict({name: dict(values) for name, values in metrics.items()}, orient="index")
    table.index.name = "candidate"
    return table.sort_values(by, kind="stable")


def markdown(table: pd.DataFrame, *, digits: int = 4) -> str:
    """A table as Markdown, its index first, numbers rounded to `digits`; whole numbers without decimals."""
    head = [str(table.index.name or ""), *map(str, table.columns)]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for name, row in zip(table.index, table.itertuples(index=False), strict=True):
        lines.append("| " + " | ".join([str(name), *(_cell(value, digits) for value in row)]) + " |")
    return "\n".join(lines)


def _cell(value: object, digits: int) -> str:
    if not isinstance(value, float):
        return str(value)
    if value != value:
        return "-"
    return f"{value:,.0f}" if value.is_integer() and abs(value) >= 1 else f"{value:.{digits}f}"
