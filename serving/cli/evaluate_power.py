"""The command that says how large the groups must be that show what actions bring: evaluate power."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from features.errors import InputError
from serving.cli.console import note, say, say_json, show, step
from serving.cli.data import AsOf
from serving.cli.workspace import Workspace, of

if TYPE_CHECKING:
    from decisions.power import Advice, Base, Wanted

SHARES: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)


def power(
    context: typer.Context,
    as_of: AsOf = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="Days in which an order counts: one period.")] = 30,
    periods: Annotated[int, typer.Option(min=1, max=24, help="Compare over up to so many periods.")] = 6,
    lift: Annotated[float, typer.Option(min=0.001, max=10.0, help="The relative rise of orders that must be seen: 0.1 is a tenth.")] = 0.1,
    power: Annotated[float, typer.Option(min=0.5, max=0.999, help="How surely it is seen if it is there.")] = 0.8,
    significance: Annotated[float, typer.Option(min=0.0001, max=0.5, help="How often chance may look like it (two-sided).")] = 0.05,
    active_days: Annotated[int, typer.Option(min=1, max=36500, help="Customers who ordered or did something in so many days count.")] = 365,
) -> None:
    """Say how many customers to hold out, so that what the actions bring can be seen."""
    from decisions.power import Wanted, advice

    work = of(context)
    tables = work.tables()
    at = work.as_of(as_of, tables)
    wanted = Wanted(lift, power, significance)
    with step(f"evaluate power as of {at:%Y-%m-%d}"):
        bases = list(_bases(tables, at, days, periods, active_days))
    advised = advice(bases, wanted)
    if advised is None:
        raise InputError(_nothing(bases, at, days), remedy="Bring in more orders, or give other --days.")
    rows = [_row(base, wanted) for base in bases]
    if work.json:
        say_json({"as_of": at, "wanted": vars(wanted), "periods": rows, "advice": _told(advised)})
        return
    _shown(work, rows, wanted)
    for sentence in sentences(advised, wanted):
        say(sentence)


def _bases(tables: Any, at: datetime, days: int, periods: int, active_days: int) -> "Iterator[Base]":
    """What is known of one period, two periods, ... before `at`, as far back as there was somebody to be compared."""
    from decisions.power import Base
    from features.returning import returning

    for count in range(1, periods + 1):
        customers, ordered = returning(tables, at - timedelta(days=days * count), days=days * count, active_days=active_days)
        if not customers:
            note(f"    {days * count} days are more than this home's history allows: compared over fewer periods")
            return
        yield Base(count, days * count, customers, ordered)


def _nothing(bases: "Sequence[Base]", at: datetime, days: int) -> str:
    if not bases:
        return f"Nobody is known from before the {days} days that end on {at:%Y-%m-%d %H:%M}."
    ordered = "Nobody" if bases[-1].ordered == 0 else "Everybody"
    return f"{ordered} of {bases[-1].customers:,} customers ordered in the {bases[-1].days} days before {at:%Y-%m-%d %H:%M}: no rate to start from."


def _row(base: "Base", wanted: "Wanted") -> dict[str, Any]:
    from decisions.power import smallest_lift, smallest_share

    seen = {f"{share:.0%}": smallest_lift(base.rate, base.customers, share, wanted) for share in SHARES}
    share = smallest_share(base.rate, base.customers, wanted) if 0 < base.rate < 1 else None
    return {"periods": base.periods, "days": base.days, "customers": base.customers, "order_rate": base.rate, "lifts": seen, "share": share}


def _shown(work: Workspace, rows: Sequence[dict[str, Any]], wanted: "Wanted") -> None:
    home = work.home().root
    say(f"{home}: the smallest rise of orders that is seen with a power of {wanted.power:.0%}, by the share of customers held out")
    show(
        [
            {
                "days": str(row["days"]),
                "customers": f"{row['customers']:,}",
                "who order": f"{row['order_rate']:.1%}",
                **{f"{share} held out": _share(lift) for share, lift in row["lifts"].items()},
                f"share to see {_share(wanted.lift)}": _share(row["share"]) if row["share"] else "over 50%",
            }
            for row in rows
        ]
    )


def sentences(advised: "Advice", wanted: "Wanted") -> Iterator[str]:
    """What to set, and why."""
    base, lift = advised.base, _share(wanted.lift)
    if advised.possible:
        yield (
            f"To see that orders rise by {lift} within {base.days} days, hold out {_share(advised.holdout_share)} of {base.customers:,} "
            f"customers, and let {_share(advised.random_share)} get any allowed action:"
        )
    else:
        half = "not even the largest possible rise" if advised.lift_at_half is None else f"a rise of {_share(advised.lift_at_half)} or more"
        yield (
            f"This shop is too small for a holdout: even with half of its {base.customers:,} customers held out for {base.days} days "
            f"{'it would show' if advised.lift_at_half is None else 'only'} {half}{'' if advised.lift_at_half is None else ' would be seen'}."
        )
        if advised.customers_needed is not None:
            yield f"A rise of {lift} takes {advised.customers_needed:,} customers with a tenth of them held out. Until then, hold out nobody:"
    yield f"NEXTBEST_HOLDOUT_SHARE={advised.holdout_share:g} NEXTBEST_RANDOM_SHARE={advised.random_share:g}"


def _told(advised: "Advice") -> dict[str, Any]:
    base = advised.base
    return {
        "holdout_share": advised.holdout_share,
        "random_share": advised.random_share,
        "periods": base.periods,
        "days": base.days,
        "customers": base.customers,
        "order_rate": base.rate,
        "lift_at_half": advised.lift_at_half,
        "customers_needed": advised.customers_needed,
    }


def _share(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:.1%}" if value < 0.1 else f"{value:,.0%}"
