"""Affinity where the tables are worked: on Spark factors are learned and customers scored by its workers, otherwise in the command."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from serving.cli.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

    from features.interactions import Interactions
    from training.affinity.sources.factors import Factoriser


class Scoring(Protocol):
    """As training.affinity.score.affinity_scores, the model known."""

    def __call__(self, known: "Interactions", top: int, **options: Any) -> "pd.DataFrame":
        """customer_id, product_id, rank, score, source, model_version."""


def factorise_there(work: Workspace, tables: Any) -> "Factoriser | None":
    """What learns factors on Spark; None where DuckDB works the tables: they are learned here."""
    if work.settings.engine != "spark":
        return None
    from features.spark.factorisation import product_factors
    from training.affinity.engines import factoriser

    return factoriser(partial(product_factors, tables.engine))


def scoring(work: Workspace, tables: Any, model: Any) -> Scoring:
    """What scores customers by the affinity champion, `model`: Spark's workers, which read it in the home, or this program."""
    if work.settings.engine == "spark":
        return partial(_on_spark, tables.engine, (work.home().champions / "affinity").resolve(), model.version)
    from training.affinity.score import affinity_scores

    return partial(affinity_scores, model)


def _on_spark(engine: Any, folder: Path, version: str, known: "Interactions", top: int, **options: Any) -> "pd.DataFrame":
    import pandas as pd

    from features.spark.customer_groups import map_customers
    from training.affinity.model import COLUMNS
    from training.affinity.saved import flat, recommend_saved

    types = dict(zip(COLUMNS, ("str", "str", "int64", "float64", "str"), strict=True))
    scored = partial(recommend_saved, folder=folder, n=top, **options)
    lists = map_customers(engine, scored, flat(known), types)
    return lists.assign(model_version=pd.Series([version] * len(lists), dtype="str", index=lists.index))
