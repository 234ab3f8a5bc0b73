"""A simulated shop with trained models and everybody's scores, to be published and served."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import pandas as pd

from decisions.simulator import simulate
from features import batch
from features.cutoffs import panel as panel_cutoffs
from features.engine import Tables, tables_from_frames
from features.histories import histories
from features.home import Home, open_home
from features.journey import levels, load_stages
from features.own_rows import ShopFacts
from features.products import known_products
from features.profiles import consents, profiles
from features.training_sets import churn_panel
from serving.publishing import publish
from serving.state.database import open_state
from serving.state.migrate import migrate
from training.artifacts import stamp
from training.bands import load_bands
from training.churn import ChurnModel
from training.export import link_version
from training.score import churn_scores_with_reasons
from training.segments.rfm import rfm_edges
from training.value import ValueModel

START: Final = datetime(2024, 1, 1)
NOW: Final = datetime(2025, 3, 1)
HORIZON_DAYS: Final = 30


@dataclass(frozen=True)
class ServedShop:
    """The shop's tables, its home (which holds the models), and everybody's scores as of NOW."""

    tables: Tables
    home: Home
    scores: pd.DataFrame

    def publish(self, url: str) -> None:
        """Publishes everything to this database."""
        migrate(url)
        state, everybody = open_state(url), batch.features(self.tables, [NOW])
        publish(
            state,
            as_of=NOW,
            histories=histories(self.tables, NOW),
            profiles=profiles(self.tables),
            consents=consents(self.tables),
            products=self.tables.products.to_pandas(),
            shop=ShopFacts(known_products(self.tables), self.tables.timezone),
            scores=self.scores,
            levels=levels(everybody, load_stages()),
            rfm=rfm_edges(everybody),
            currency=self.home.currency,
        )
        state.close()


def make_shop(folder: Path, customers: int) -> ServedShop:
    """Simulates so many customers over 14 months, trains churn and value on them, and scores everybody with reasons."""
    shop = simulate(customers=customers, months=14, seed=3, start=START)
    tables = tables_from_frames({**shop.tables, "orders": shop.tables["orders"].dropna(subset="customer_id")})
    panel = churn_panel(tables, panel_cutoffs(START, NOW, HORIZON_DAYS, most=3), HORIZON_DAYS)
    home = open_home(folder / "home")
    models = {
        "churn": ChurnModel(threads=2).fit(panel, as_of=NOW, horizon_days=HORIZON_DAYS),
        "value": ValueModel(threads=2).fit(panel, as_of=NOW, horizon_days=HORIZON_DAYS),
    }
    for kind, model in models.items():
        (folder / "fitted" / kind).mkdir(parents=True)
        model.save(folder / "fitted" / kind)
        stamp(folder / "fitted" / kind, "1")
        home.champions.mkdir(exist_ok=True)
        link_version(folder / "fitted" / kind, home.champions, kind, "1")
    saved = home.champions
    churn, value = ChurnModel.load(saved / "churn"), ValueModel.load(saved / "value")
    return ServedShop(tables, home, churn_scores_with_reasons(tables, churn, value, NOW, load_bands(), load_stages()))
