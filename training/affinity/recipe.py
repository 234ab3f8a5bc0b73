"""The affinity model end to end: backtest, gate, fit on everything, record, promote."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.engine import Tables
from features.interactions import purchases
from training.affinity.backtest import BLENDED, Backtest, run_backtest
from training.affinity.blend import ALL, AT, NEW
from training.affinity.exams import Exam
from training.affinity.history import History, encode
from training.affinity.model import KIND, AffinityModel
from training.affinity.recall import PERSONAL_FREQUENCY
from training.evaluation.gate import Verdict, against_champion, against_record, without_champion
from training.evaluation.ranking import hits_of, ndcg_at
from training.model_card import Card, model_card
from training.registry import Registry, Version
from training.trained import Evidence, Trained, submit

RIVALS: Final = {ALL: "personal frequency", NEW: "popularity among new products"}
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
) -> Trained:
    """A new version of the affinity model, learned from the purchases before `as_of`.

    The horizon of the backtest is the shop's median gap between purchase days where none is given. Promoted when the backtest does not
    find it worse than personal frequency (among new products: than popularity), nor than the present champion: on the same customers,
    or by its record where it has already seen what they bought. A shop without a champion gets what its blend lost to instead.
    Raises InputError where no order names a product.
    """
    bought = purchases(tables, as_of)
    history = encode(bought)
    tried = run_backtest(history, as_of, np.random.default_rng(seed), horizon_days=horizon_days, threads=threads)
    tried, verdict = _judged(tried, registry, bought, history)
    model = AffinityModel(tried.blend, tried.half_lives, seed=seed, threads=threads).fit(bought, as_of=as_of)
    model.horizon_days, model.metrics, model.data_hash = tried.horizon_days, tried.metrics(), data_hash
    return submit(registry, KIND, model, _evidence(model, history, tried, verdict), verdict)


def _judged(tried: Backtest, registry: Registry, bought: pd.DataFrame, history: History) -> tuple[Backtest, Verdict]:
    """What to record, and the verdict on it."""
    first = {mode: _as_first(tried, mode) for mode in RIVALS}
    refused = {mode: verdict for mode, verdict in first.items() if not verdict.promoted}
    kept = registry.champion(KIND)
    if not refused:
        return tried, first[ALL] if kept is None or ALL not in tried.exams else _against(kept, tried, registry, bought, history)
    if kept is not None:
        return tried, next(iter(refused.values()))
    instead, why = " and ".join(RIVALS[mode] for mode in refused), " ".join(verdict.why for verdict in refused.values())
    return tried.plain(refused), Verdict(True, f"Promoted with {instead} in place of the blend. Of the blend: {why}")


def _as_first(tried: Backtest, mode: str) -> Verdict:
    losses, naive = tried.losses(mode, BLENDED), tried.losses(mode, PERSONAL_FREQUENCY)
    return without_champion(losses, naive, measure=MEASURE, rival=RIVALS[mode])


def _against(kept: Version, tried: Backtest, registry: Registry, bought: pd.DataFrame, history: History) -> Verdict:
    """Against the champion's lists for the same customers, or its record where it has seen what they bought."""
    losses, naive = tried.losses(ALL, BLENDED), tried.losses(ALL, PERSONAL_FREQUENCY)
    champion, exam = AffinityModel.load(registry.fetch(KIND, kept.version)), tried.exams[ALL]
    if champion.as_of <= exam.cut:
        return against_champion(losses, naive, _champion_losses(champion, bought, history, exam), measure=MEASURE, rival=RIVALS[ALL])
    skill = _recorded_skill(champion)
    if skill is None or champion.horizon_days != tried.horizon_days:
        return _as_first(tried, ALL)
    return against_record(losses, naive, skill, measure=MEASURE, rival=RIVALS[ALL])


def _recorded_skill(champion: AffinityModel) -> float | None:
    """1 - loss / personal frequency's loss on the champion's own backtest; None where it had none."""
    own, naive = (champion.metrics.get(f"{ALL}.{who}.ndcg_at_{AT}") for who in (BLENDED, PERSONAL_FREQUENCY))
    return None if own is None or naive is None or naive >= 1.0 else 1.0 - (1.0 - own) / (1.0 - naive)


def _champion_losses(champion: AffinityModel, bought: pd.DataFrame, history: History, exam: Exam) -> NDArray[np.float64]:
    """1 - NDCG@10 of the present champion, asked the same of the same customers."""
    customers = history.customer_ids[exam.customers]
    lists = champion.recommend(bought[bought.ordered_at < exam.cut], AT, customer_ids=customers.tolist())
    wanted = pd.DataFrame({"customer_id": customers[exam.row], "product_id": history.product_ids[exam.product]}).astype("str")
    hits, counts, _ = hits_of(lists, wanted, AT)
    return 1.0 - ndcg_at(hits, counts, AT)


def _evidence(model: AffinityModel, history: History, tried: Backtest, verdict: Verdict) -> Evidence:
    tags = {"as_of": model.as_of.isoformat(), "horizon_days": str(model.horizon_days), "data_hash": model.data_hash}
    parameters = _parameters(model, tried)
    card = Card(
        title="Affinity: what each customer will want next",
        purpose="Ranks products for a customer from their own purchases, for recommendations in apps, messages and next best actions.",
        facts=_facts(model, history),
        parameters=parameters,
        metrics=model.metrics,
        protocol=_protocol(tried),
        limits=(
            "A score ranks the products of one customer; it is no probability, and not to be compared between customers.",
            "Products that nobody bought before the training are never recommended.",
            "What was bought is all it knows: not what was viewed, not what is in stock.",
        ),
    )
    return Evidence(parameters, model.metrics, tags, {"model_card.md": model_card(card, verdict)})


def _facts(model: AffinityModel, history: History) -> Mapping[str, object]:
    return {
        "purchases (one per order and product)": len(history.at),
        "customers": len(history.customer_ids),
        "products": len(model.recall.product_ids),
        "before": model.as_of.isoformat(),
        "data hash": model.data_hash or "not given",
    }


def _parameters(model: AffinityModel, tried: Backtest) -> dict[str, object]:
    weights = {f"weight.{mode}.{source}": value for mode, chosen in tried.blend.modes.items() for source, value in chosen.items()}
    return {
        "personal_half_life_days": model.half_lives.personal_days,
        "popularity_half_life_days": model.half_lives.popularity_days,
        "horizon_days": tried.horizon_days,
        "cuts": ", ".join(cut.isoformat() for cut in tried.cuts) or "none",
        "seed": model.seed,
        **weights,
    }


def _protocol(tried: Backtest) -> str:
    if not tried.hits:
        return "There is too little history for a backtest: it is personal frequency and popularity, unmeasured."
    chosen = "half of its customers" if len(tried.cuts) == 1 else f"{len(tried.cuts) - 1} earlier cuts"
    return (
        f"At {tried.cuts[-1].isoformat()} every source and the blend were asked for the products that customers bought in the "
        f"{tried.horizon_days} days after; half-lives and weights were chosen on {chosen}, and the weights above anew on all. `all` counts "
        "repeat purchases, `new` only products that a customer never bought."
    )
