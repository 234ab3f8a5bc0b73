"""The report's tables as Markdown. Product names are text: nothing in them is markup."""

import re
from collections.abc import Iterable, Sequence

from training.affinity.report.examples import Example, Offer
from training.affinity.report.figures import Figures
from training.affinity.report.parts import Part, cells

_MARKUP = re.compile(r"([\\`*_\[\]<>|~&$:])")


def text(title: str, told: Figures) -> str:
    """The whole document."""
    lines = [f"# {plain(title)}", "", *told.facts, ""]
    for chapter in told.chapters:
        lines += [f"## {chapter.heading}", ""]
        for part in chapter.parts:
            lines += _part(part)
    if told.examples:
        lines += ["## Examples", ""]
    for one in told.examples:
        lines += _example(one)
    return "\n".join(lines)


def plain(name: str) -> str:
    """Text on one line, in which no character means anything to Markdown."""
    return _MARKUP.sub(r"\\\1", " ".join(name.split()))


def _part(part: Part) -> list[str]:
    names = [str(name) for name in part.table]
    return [f"### {part.heading}", "", part.words, "", *_table(names, cells(part.table)), ""]


def _example(one: Example) -> list[str]:
    baskets = f"{one.baskets:,} basket{'' if one.baskets == 1 else 's'}"
    lines = [f"### {one.why}", "", f"Customer {plain(one.customer_id)}, {baskets} and {one.products:,} products before.", ""]
    lines += [*_table(("bought before", "times", "last on"), ((own.name, str(own.times), own.last) for own in one.before)), ""]
    for heading, offers in (("recommended", one.offers), ("recommended among what they never bought", one.new_offers)):
        lines += _offers(heading, offers)
    bought = "; ".join(f"{plain(name)}{' ✓' if there else ''}" for name, there in one.after)
    rest = one.wanted - len(one.after)
    return [*lines, f"Then bought: {bought}{f'; and {rest:,} more' if rest else ''}.", ""]


def _offers(heading: str, offers: Sequence[Offer]) -> list[str]:
    rows = [(str(rank), one.name, one.because, "✓" if one.bought else "") for rank, one in enumerate(offers, 1)]
    return [*_table(("rank", heading, "because", "bought"), rows), ""] if offers else []


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    return lines + [f"| {' | '.join(plain(cell) for cell in row)} |" for row in rows]
