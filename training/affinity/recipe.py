"""The affinity model end to end: backtest, gate, fit on everything, record, promote."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.engine import Tables
from features.interactions import Interactions, interactions
from training.affinity.backtest import Backtest, Progress, run_backtest, silent
from training.affinity.documents import card_of, parameters_of
from training.affinity.history import History, encode
from training.affinity.model import KIND, AffinityModel
from training.affinity.orders import PLAIN
from training.affinity.report import report
from training.affinity.sheets import ALL, AT, NEW
from training.affinity.sources.factors import Factoriser
from training.evaluation.gate import Verdict, against_champion, against_record, without_champion
from training.evaluation.ranking import hits_of, ndcg_at
from training.model_card import model_card
from training.registry import Registry, Version
from training.trained import Evidence, Trained, submit

RIVALS: Final = {ALL: "personal frequency", NEW: "popularity among new products"}
UNMEASURED: Final = (
    "Too little history for a backtest, which takes thirty customers who come back: lists follow what each customer buys most, "
    "and among new products what goes with it, unmeasured."
)
MEASURE: Final = f"1 - NDCG@{AT}"


def train_affinity(
    tables: Tables,
    registry: Registry,
    as_of: datetime,
    *,
    horizon_days: int | None = None,
    data_hash: str = "",
    seed: int = 0,
    threads: int = 2,
    factorise: Factoriser | None = None,
    progress: Progress = silent,
) -> Trained:
    """A new version of the affinity model, learned from what was known before `as_of`.

    The horizon of the backtest is the shop's median gap between purchase days where none is given. The backtest chooses ranker, blend or
    personal frequency, so that no version is worse than personal frequency; promoted unless it is worse than the present champion: on the
    same customers, or by its record where it has already seen what they bought. `factorise` learns factors elsewhere (on Spark).
    `progress` is told what begins.
    Raises InputError where no order names a product.
    """
    known = interactions(tables, as_of)
    history = encode(known)
    tried = run_backtest(history, as_of, horizon_days=horizon_days, seed=seed, threads=threads, factorise=factorise, progress=progress)
    verdict = _verdict(tried, registry, known, history)
    model = AffinityModel(tried.orders, tried.half_lives, tried.sources, seed=seed, threads=threads, factorise=factorise)
    progress("fitting the sources on everything")
    model.fit(known, as_of=as_of)
    model.horizon_days, model.metrics, model.data_hash = tried.horizon_days, tried.metrics(), data_hash
    made = submit(registry, KIND, model, _evidence(model, known, history, tried, verdict), verdict)
    return made if tried.hits else replace(made, warnings=(UNMEASURED,))


def _verdict(tried: Backtest, registry: Registry, known: Interactions, history: History) -> Verdict:
    kept = registry.champion(KIND)
    if kept is None or ALL not in tried.sheets:
        return _as_first(tried)
    return _against(kept, tried, registry, known, history)


def _as_first(tried: Backtest) -> Verdict:
    return without_champion(tried.losses(ALL), tried.losses(ALL, PLAIN), measure=MEASURE, rival=RIVALS[ALL])


def _against(kept: Version, tried: Backtest, registry: Registry, known: Interactions, history: History) -> Verdict:
    """Against the champion's lists for the same customers, or its record where it has seen what they bought."""
    losses, naive = tried.losses(ALL), tried.losses(ALL, PLAIN)
    champion = AffinityModel.load(registry.fetch(KIND, kept.version))
    if tried.newest is not None and champion.as_of <= tried.newest.cut:
        theirs = _champion_losses(champion, tried, known, history)
        return against_champion(losses, naive, theirs, measure=MEASURE, rival=RIVALS[ALL])
    skill = _recorded_skill(champion)
    if skill is None or champion.horizon_days != tried.horizon_days:
        return _as_first(tried)
    return against_record(losses, naive, skill, measure=MEASURE, rival=RIVALS[ALL])


def _recorded_skill(champion: AffinityModel) -> float | None:
    """1 - loss / personal frequency's loss on the champion's own backtest; None where it had none."""
    own, naive = (champion.metrics.get(f"{ALL}.{way}.ndcg_at_{AT}") for way in (champion.orders.ways[ALL], PLAIN))
    return None if own is None or naive is None or naive >= 1.0 else 1.0 - (1.0 - own) / (1.0 - naive)


def _champion_losses(champion: AffinityModel, tried: Backtest, known: Interactions, history: History) -> NDArray[np.float64]:
    """1 - NDCG@10 of the present champion, asked the same of the same customers."""
    exam = tried.asked[ALL]
    customers = history.customer_ids[exam.customers]
    lists = champion.recommend(known, AT, as_of=exam.cut, customer_ids=customers.tolist())
    hits, counts, _ = hits_of(lists, exam.wanted(history), AT)
    return 1.0 - ndcg_at(hits, counts, AT)


def _evidence(model: AffinityModel, known: Interactions, history: History, tried: Backtest, verdict: Verdict) -> Evidence:
    tags = {"as_of": model.as_of.isoformat(), "horizon_days": str(model.horizon_days), "data_hash": model.data_hash}
    documents: Mapping[str, str] = {
        "model_card.md": model_card(card_of(model, known, tried), verdict),
        **report(tried, history, known.products),
    }
    return Evidence(parameters_of(model, tried), model.metrics, tags, documents)
