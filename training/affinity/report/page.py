"""The report as one page of HTML that needs nothing else: no script, nothing loaded, light or dark, narrow or wide. All text is escaped."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from training.affinity.report.bars import svg
from training.affinity.report.examples import Example, Offer
from training.affinity.report.figures import Figures
from training.affinity.report.parts import Part, cells, is_number

STYLE: Final = """
:root{color-scheme:light dark;--ground:#fff;--ink:#222;--faint:#666;--line:#ddd;--good:#00795a}
@media (prefers-color-scheme:dark){:root{--ground:#16181c;--ink:#eee;--faint:#aaa;--line:#3a3d44;--good:#2fbf96}}
body{margin:0 auto;max-width:62rem;padding:1rem;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
h1,h2,h3{line-height:1.25}h2{margin-top:2.5rem;border-bottom:1px solid var(--line)}p.how{color:var(--faint);max-width:46rem}
.wide{overflow-x:auto}table{border-collapse:collapse;margin:.5rem 0;font-size:.9rem}
caption{text-align:left;font-weight:600}th,td{padding:.25rem .7rem .25rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}td{overflow-wrap:break-word}
figure{margin:.5rem 0;max-width:30rem}svg{width:100%;height:auto}figcaption{font-weight:600}.yes{color:var(--good);font-weight:600}
"""
TICK: Final = "✓"


def page(title: str, told: Figures) -> str:
    """The whole document; it is also well-formed XML."""
    body = [f"<h1>{_clean(title)}</h1>", *(f"<p>{_clean(fact)}</p>" for fact in told.facts)]
    for place, chapter in enumerate(told.chapters):
        body.append(f"<h2>{_clean(chapter.heading)}</h2>")
        body += [_part(part, f"p{place}-{at}") for at, part in enumerate(chapter.parts)]
    if told.examples:
        body.append("<h2>Examples</h2>")
        body.append(
            '<p class="how">Customers drawn by rule. Each list is what they would have been shown, made without what they then bought; '
            f"{TICK} marks what they did buy.</p>"
        )
        body += [_example(one) for one in told.examples]
    head = f'<meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/><title>{_clean(title)}</title>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}<style>{STYLE}</style></head>\n<body>\n' + "\n".join(body) + "\n</body></html>\n"


def _part(part: Part, identity: str) -> str:
    names = [str(name) for name in part.table]
    kinds = [is_number(part.table, name) for name in names]
    picture = ""
    if part.bars is not None:
        picture = f"<figure><figcaption>{_clean(part.bars.title)}</figcaption>{svg(part.table, part.bars, identity)}</figure>"
    table = _table(part.heading, names, cells(part.table), kinds)
    return f'<section><h3>{_clean(part.heading)}</h3><p class="how">{_clean(part.words)}</p>{picture}{table}</section>'


def _example(one: Example) -> str:
    before = [(own.name, str(own.times), own.last) for own in one.before]
    more = f" ({one.products:,} products in all)" if one.products > len(before) else ""
    parts = [
        f"<section><h3>{_clean(one.why)}</h3><p>Customer {_clean(one.customer_id)}, {_count(one.baskets, 'basket')} before.</p>",
        _table(f"Bought before{more}", ("product", "times", "last on"), before, (False, True, False)),
        _offers("Recommended", one.offers),
        _offers("Recommended among what they never bought", one.new_offers),
        _after(one),
        "</section>",
    ]
    return "".join(parts)


def _offers(heading: str, offers: Sequence[Offer]) -> str:
    if not offers:
        return ""
    rows = [(str(rank), one.name, one.because, TICK if one.bought else "") for rank, one in enumerate(offers, 1)]
    return _table(heading, ("rank", "product", "because", "bought"), rows, (True, False, False, False))


def _after(one: Example) -> str:
    rest = one.wanted - len(one.after)
    names = "; ".join(f'<span class="yes">{_clean(name)} {TICK}</span>' if there else _clean(name) for name, there in one.after)
    return f"<p><strong>Then bought:</strong> {names}{f'; and {rest:,} more' if rest else ''}.</p>"


def _table(caption: str, names: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[bool]) -> str:
    kinds = [' class="n"' if one else "" for one in numbers]
    head = "".join(f'<th scope="col"{kind}>{_clean(name)}</th>' for name, kind in zip(names, kinds, strict=True))
    body = "".join(f"<tr>{''.join(_cell(c, kind) for c, kind in zip(row, kinds, strict=True))}</tr>" for row in rows)
    return f'<div class="wide"><table><caption>{_clean(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(text: str, kind: str) -> str:
    told = ' class="yes"' if text == TICK else kind
    return f"<td{told}>{_clean(text)}</td>"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _clean(text: str) -> str:
    """Escaped, and without the control characters that no document may hold."""
    return escape("".join(c if c.isprintable() or c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text))
