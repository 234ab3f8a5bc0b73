"""The whole way in one command: a shop's orders to published scores, and what to try then."""

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from features.errors import InputError
from features.home import Home
from serving.cli.affinity_lists import affinity_lists
from serving.cli.champion import has_champion
from serving.cli.console import note, say, step
from serving.cli.data import today
from serving.cli.demo_home import OWN, SIMULATED, claim
from serving.cli.models import KINDS, train_kinds
from serving.cli.publication import publish_changes
from serving.cli.scoring import churn_scores, optional_champion
from serving.cli.workspace import Workspace

MONTHS = 18
SEED = 1


def run_demo(work: Workspace, *, orders: list[Path], mapping: str | None, customers: int, port: int) -> None:
    """Simulates a shop or takes the given orders; ingests, checks, builds features, trains, scores and publishes.

    What did not change since the last run is not done again. InputError if a home of the one kind is asked for the other.
    """
    own = bool(orders)
    with work.new_home() as home:
        claim(home, OWN if own else SIMULATED)
    note("nextbest demo: " + (", ".join(str(file) for file in orders) if own else f"a simulated shop of {customers:,} customers"))
    sources = {"orders": orders} if own else _simulated(home, customers)
    _ingest(work, sources, mapping)
    _check(work)
    _features(work, home)
    _train(work, home)
    _score(work, home)
    tables = work.tables()
    publish_changes(work, work.as_of(None, tables))
    _tell(work, port)


def _simulated(home: Home, customers: int) -> dict[str, list[Path]]:
    from decisions.simulator import simulate, write

    folder = home.root / f"simulated-{customers}"
    names = ("orders", "products", "customers", "events", "decisions", "outcomes")
    files = {name: [folder / f"{name}.parquet"] for name in names}
    if not all(file.exists() for found in files.values() for file in found):
        start = (today() - timedelta(days=round(30.44 * MONTHS) + 1)).replace(hour=0, minute=0, second=0, microsecond=0)
        with step(f"simulate {customers:,} customers over {MONTHS} months"):
            write(simulate(customers=customers, months=MONTHS, seed=SEED, start=start), folder, file_format="parquet")
    return files


def _ingest(work: Workspace, sources: dict[str, list[Path]], mapping: str | None) -> None:
    from features.ingest.mapping import load_mapping
    from features.ingest.run import ingest

    with step("ingest"):
        report = ingest(
            work.home(),
            sources,
            load_mapping(mapping) if mapping else None,
            today=today(),
            threads=work.settings.threads,
            memory_limit=work.settings.memory_limit,
        )
    for line in report.lines():
        note(f"    {line}")


def _check(work: Workspace) -> None:
    from features.checks import check

    with step("check the tables"):
        found = check(work.home(), today=today())
    counts = {status: sum(one.status == status for one in found) for status in ("PASS", "WARN", "FAIL")}
    note("    " + ", ".join(f"{count} {status}" for status, count in counts.items()))
    for one in found:
        if one.status == "WARN":
            note(f"    WARN {one.name}: {one.count:,} rows, first: {one.first}. {one.remedy}")
    if failed := [one for one in found if one.status == "FAIL"]:
        raise InputError(f"{failed[0].name}: {failed[0].count} rows, first: {failed[0].first}.", remedy=failed[0].remedy)


def _features(work: Workspace, home: Home) -> None:
    from features.feature_files import write_features
    from features.journey import DEFAULT_STAGES, load_stages

    output = home.root / "features.parquet"
    tables = work.tables()
    with step("features"):
        written = write_features(tables, work.as_of(None, tables), output, load_stages(work.rules(DEFAULT_STAGES)))
    note(f"    {written.customer_count:,} customers, {len(written.names)} features: {output}")


def _train(work: Workspace, home: Home) -> None:
    from features.build import data_hash

    with step("open the registry"):
        registry, hashed = work.registry(), data_hash(home)
        champions = {kind: registry.champion(kind) for kind in KINDS}
    stale = tuple(kind for kind, champion in champions.items() if champion is None or champion.tags.get("data_hash") != hashed)
    known = [kind for kind in KINDS if kind not in stale]
    if known:
        note(f"    unchanged data, champions kept: {', '.join(known)}")
    for trained in train_kinds(work, stale, None, None, skip_impossible=True) if stale else []:
        note(f"    {trained.kind} version {trained.version}: {trained.why}")


def _score(work: Workspace, home: Home) -> None:
    from features.build import write_table

    tables = work.tables()
    at = work.as_of(None, tables)
    if has_champion(home, "churn"):
        with step("score churn"):
            scores = churn_scores(work, tables, at, None, reasons=False, hindsight=False)
            write_table(scores, home.root / "churn.parquet")
        note(f"    {len(scores):,} customers: {home.root / 'churn.parquet'}")
    model = optional_champion(work, "affinity", at, hindsight=False)
    if model is not None:
        with step("score affinity"):
            lists = affinity_lists(work, model, tables, at, 20).lists
            write_table(lists, home.root / "affinity.parquet")
        note(f"    {len(lists):,} rows: {home.root / 'affinity.parquet'}")


def _tell(work: Workspace, port: int) -> None:
    import pandas as pd

    where = f"http://127.0.0.1:{port}"
    customer = quote(_somebody(pd.read_parquet(work.home().root / "features.parquet")), safe="")
    say(
        f"""
Everything is in {work.home().root}. While it is served (make demo, or: {_command()} --home {work.settings.home} serve --as-of latest) open
  {where}/docs                 every route, to try out
and ask:
  curl '{where}/v1/customers/{customer}/churn'
  curl '{where}/v1/customers/{customer}/recommendations?limit=5'
  curl '{where}/v1/customers/{customer}/next-best-action'
"""
    )


def _command() -> str:
    """How this command was called, from here."""
    called = Path(sys.argv[0]).absolute()
    return os.path.relpath(called) if called.is_relative_to(Path.cwd()) else "nextbest"


def _somebody(features: Any) -> str:
    """A customer with much behind them and nothing lately, to have something to show."""
    ranked = features.assign(missed=features.value_total * features.days_since_last_order).sort_values("missed", ascending=False)
    return str(ranked.customer_id.iloc[0])
