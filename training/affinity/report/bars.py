"""Bars as SVG: every row's name, and below it a bar for each series with its number. Narrow enough for a phone, no script, no font."""

from collections.abc import Sequence
from html import escape
from typing import Final

import pandas as pd

from training.affinity.report.parts import Bars, number

WIDTH: Final = 440
LEFT, RIGHT, TOP = 8, 62, 12  # the space of numbers stands to the right
NAME, BAR, GAP, KEY = 18, 15, 9, 20  # heights
COLOURS: Final = (("#0072b2", "#56b4e9"), ("#b75d00", "#e69f00"), ("#00795a", "#2fbf96"))
"""On light and on dark ground; told apart by the colour-blind (after Okabe and Ito)."""


def svg(table: pd.DataFrame, bars: Bars, identity: str) -> str:
    """The picture of a table; `identity` is unique on its page. Bars start at 0; nothing is drawn for a missing number."""
    labels = table[bars.label].astype(str).tolist()
    step = NAME + len(bars.values) * BAR + GAP
    keys = len(bars.values) if len(bars.values) > 1 else 0
    height = TOP + keys * KEY + len(table) * step
    most = max(float(table[list(bars.values)].max().max()), 1e-9)
    if bars.error is not None:
        most = max(most, float((table[bars.values[-1]] + 2.0 * table[bars.error]).max()))
    drawn = [_key(bars.values[at], at) for at in range(keys)]
    for at, label in enumerate(labels):
        drawn.append(_row(label, table.iloc[at], bars, TOP + keys * KEY + at * step, most))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="{identity}-t {identity}-d">'
        f'<title id="{identity}-t">{escape(bars.title)}</title><desc id="{identity}-d">{escape(_described(labels, table, bars))}</desc>'
        f"<style>{style()}</style>{''.join(drawn)}</svg>"
    )


def style() -> str:
    """The colours of every picture, within itself, so that it can be taken out of its page."""
    light = "".join(f".nb-{at}{{fill:{one}}}" for at, (one, _) in enumerate(COLOURS))
    dark = "".join(f".nb-{at}{{fill:{other}}}" for at, (_, other) in enumerate(COLOURS))
    return (
        f".nb-t{{font:13px sans-serif;fill:#222}}.nb-e{{stroke:#222;stroke-width:1.5}}{light}"
        f"@media (prefers-color-scheme:dark){{.nb-t{{fill:#eee}}.nb-e{{stroke:#eee}}{dark}}}"
    )


def _key(name: str, at: int) -> str:
    y = TOP + at * KEY
    return f'<rect class="nb-{at % len(COLOURS)}" x="{LEFT}" y="{y}" width="12" height="12"/>{_text(LEFT + 18, y + 11, name)}'


def _row(label: str, row: "pd.Series[float]", bars: Bars, top: float, most: float) -> str:
    drawn = [_text(LEFT, top + NAME - 5, label)]
    for at, name in enumerate(bars.values):
        value, y = float(row[name]), top + NAME + at * BAR
        if value != value:
            continue
        length = _length(value, most)
        drawn.append(f'<rect class="nb-{at % len(COLOURS)}" x="{LEFT}" y="{y:g}" width="{length:.1f}" height="{BAR - 2}"/>')
        end = length
        if bars.error is not None and at == len(bars.values) - 1:
            low, end = (_length(max(value + sign * 2.0 * float(row[bars.error]), 0.0), most) for sign in (-1.0, 1.0))
            middle = y + (BAR - 2) / 2
            drawn.append(f'<path class="nb-e" d="M{LEFT + low:.1f} {middle:g}H{LEFT + end:.1f}"/>')
        drawn.append(_text(LEFT + max(length, end) + 5, y + BAR - 4, number(value, name)))
    return "".join(drawn)


def _length(value: float, most: float) -> float:
    return max(value, 0.0) / most * (WIDTH - LEFT - RIGHT)


def _text(x: float, y: float, words: str) -> str:
    return f'<text class="nb-t" x="{x:.1f}" y="{y:g}">{escape(words)}</text>'


def _described(labels: Sequence[str], table: pd.DataFrame, bars: Bars) -> str:
    """The numbers as a sentence, for those who cannot see bars."""
    said = []
    for at, label in enumerate(labels):
        values = (number(float(table.iloc[at][name]), name) for name in bars.values)
        said.append(f"{label}: {', '.join(values)}")
    return f"{', '.join(bars.values)}. {'; '.join(said)}."
