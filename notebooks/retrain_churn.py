# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     notebook_metadata_filter: kernelspec,jupytext,-jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Retrain the churn model by hand
#
# What `nextbest train churn` does in one step, step by step: look at the data, train, compare with a baseline of your own, look at the
# runs, and decide which version serves.
#
# Set `NEXTBEST_HOME` to work on your shop's home. Without it, a small shop is simulated into a temporary one. On two cores it takes about half a minute.

# %%
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from decisions.simulator import simulate, write
from features.build import data_hash
from features.contract import CUSTOMER_ID, TABLES
from features.cutoffs import default_as_of
from features.definitions import FEATURES
from features.engine import open_tables
from features.home import config_file, open_home
from features.ingest.run import ingest
from features.journey import DEFAULT_STAGES, load_stages
from features.learnable import learnable
from features.training_sets import churn_panel
from training.churn import ChurnModel
from training.churn_backtest import backtest
from training.evaluation.classification import calibration_table, summary
from training.evaluation.gate import difference
from training.evaluation.report import comparison
from training.material import gather
from training.recipes import train_churn
from training.registry import Registry
from training.settings import TrainingSettings

# %% [markdown]
# ## The home
#
# The home holds the shop's tables and its MLflow store.

# %%
if "NEXTBEST_HOME" in os.environ:
    home = open_home(Path(os.environ["NEXTBEST_HOME"]))
else:
    place = Path(tempfile.mkdtemp(prefix="nextbest-notebook-"))
    home = open_home(place / "home")
    write(simulate(customers=600, months=15, seed=1), place / "shop", file_format="parquet")
    files = {name: [place / "shop" / f"{name}.parquet"] for name in TABLES}
    print(*ingest(home, files, today=datetime.now(UTC).replace(tzinfo=None)).lines(), sep="\n")

tables = open_tables(home)
as_of = default_as_of(tables)  # just after the newest row
print(f"{home.root}: everything before {as_of:%Y-%m-%d %H:%M}")

# %% [markdown]
# ## The panel
#
# One row per customer and cut-off: the features that were known then, the journey stage, what the customers table says of them
# (`attribute:...`), and whether the customer bought nothing within the horizon.
# The newest cut-off lies one horizon before the newest row, so that every answer is known. The horizon fits the shop's rhythm unless you name one.

# %%
stages = load_stages(config_file(home, DEFAULT_STAGES))
now = gather(tables, as_of, horizon_days=None, stages=stages)
pd.Series(now.facts, name="the panel").to_frame()

# %% [markdown]
# Not every feature says something about every shop: left out are columns with a single value, and windows as long as the history.
# Attributes that follow the orders (a total kept in the customers table would know the future) are not in the panel at all.

# %%
learned = learnable(now.panel)
catalogue = pd.DataFrame([(f.name, f.family, f.unit, f.description) for f in FEATURES], columns=["name", "family", "unit", "description"])
catalogue["learned from"] = catalogue["name"].isin(learned)
print(f"{len(learned)} columns to learn from:", *[name for name in learned if name.startswith("attribute:")])
catalogue

# %% [markdown]
# How many leave differs from cut-off to cut-off, by season and by chance. This is why a model must be tested on a later time, and never on rows drawn at random.

# %%
now.panel.groupby("as_of")["churned"].agg(customers="count", churn_rate="mean").round(3)

# %%
now.panel.groupby("stage")["churned"].agg(rows="count", churn_rate="mean").round(3)

# %% [markdown]
# ## The test: go back to the newest cut-off
#
# Whoever trains as of that cut-off sees nothing that came after it: neither in the features, nor in the labels, nor when choosing between models.
# Then we look at what really happened. Only active customers count (with an order in the last two horizons): the long gone are easy to
# tell, and nobody acts on them.

# %%
horizon = now.horizon_days
test_at = now.cutoffs[-1]
then = gather(tables, test_at, horizon, stages=stages)
answers = churn_panel(tables, [test_at], horizon, stages=stages)[[CUSTOMER_ID, "churned"]]
test = then.current.merge(answers, on=CUSTOMER_ID)
test = test[test["days_since_last_order"] <= 2 * horizon].reset_index(drop=True)
churned = test["churned"].to_numpy()
print(f"learn from {len(then.panel):,} rows up to {then.cutoffs[-1]:%Y-%m-%d}, test on {len(test):,} customers at {test_at:%Y-%m-%d}")

# %% [markdown]
# nextbest's own recipe: an earlier backtest chooses among trees, logistic regression on RFM, BG/NBD and their blends. Which columns say something
# is decided on the rows that a model learns from, here and in every fold of the backtest.

# %%
tested = backtest(then.panel, horizon_days=horizon)
model = ChurnModel(tested.recipe).fit(then.panel, as_of=test_at, horizon_days=horizon, current=then.current)
ours = model.predict(test)
print(f"{tested.protocol} {len(model.feature_names)} columns.")
tested.table.round(4)

# %% [markdown]
# Your own baseline. Here: logistic regression on recency, frequency and money. Put your model in its place.

# %%
RFM = ["days_since_last_order", "order_count", "value_total", "customer_age_days"]


def rfm(rows):
    return np.log1p(rows[RFM].clip(lower=0).fillna(0.0))


baseline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
baseline.fit(rfm(then.panel), then.panel["churned"])
theirs = baseline.predict_proba(rfm(test))[:, 1]

# %% [markdown]
# AUC says how well the order is, the Brier score how good the probabilities are (lower is better), the calibration error how far they are off on average.

# %%
metrics = {"nextbest": summary(churned, ours), "baseline": summary(churned, theirs)}
comparison(metrics, by="brier").round(4)

# %% [markdown]
# Is the difference more than noise? Both models answer for the same customers, so the squared errors are compared pair by pair.

# %%
print("Brier score, nextbest minus baseline:", difference((ours - churned) ** 2, (theirs - churned) ** 2))


# %% [markdown]
# ## Two pictures
#
# Left: of those who were told 70 %, did 70 % leave? Right: how many times the average rate is the rate of each tenth, the tenth with the highest probabilities first?

# %%
def decile_lift(p):
    ranked = churned[np.argsort(-p, kind="stable")]
    return [tenth.mean() / churned.mean() for tenth in np.array_split(ranked, 10)]


figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2))
left.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle="dotted")
for name, p, shift in (("nextbest", ours, -0.2), ("baseline", theirs, 0.2)):
    bins = calibration_table(churned, p)
    left.plot(bins["predicted"], bins["observed"], marker="o", label=name)
    right.bar(np.arange(1, 11) + shift, decile_lift(p), width=0.4, label=name)
right.axhline(1, color="grey", linewidth=1, linestyle="dotted")
left.set(xlabel="probability told", ylabel="share that left", title="Reliability", xlim=(0, 1), ylim=(0, 1))
right.set(xlabel="tenth, highest probability first", ylabel="times the average rate", title="Lift by decile", xticks=range(1, 11))
left.legend(frameon=False)
right.legend(frameon=False)
figure.tight_layout()
plt.show()

# %% [markdown]
# ## Train on everything, and register
#
# The same recipe with everything that is known now. The registry keeps parameters, metrics, the data's hash and a model card. The gate
# makes the new version champion if its backtest says so; otherwise it stays challenger.

# %%
registry = Registry(home, address=TrainingSettings().tracking_uri)
trained = train_churn(tables, registry, as_of, horizon, data_hash=data_hash(home))
print(f"version {trained.version}: {trained.why}")

# %% [markdown]
# The baseline goes into the same experiment, to be compared in MLflow's pages. It is a run, not a registered model: nextbest serves only models that it made itself.

# %%
import mlflow

mlflow.set_tracking_uri(registry.address)
experiment = mlflow.get_run(registry.version("churn", trained.version).run_id).info.experiment_id
with mlflow.start_run(experiment_id=experiment, run_name=f"baseline at {test_at:%Y-%m-%d}"):
    mlflow.log_params({"model": "logistic regression", "features": ", ".join(RFM), "horizon_days": horizon})
    mlflow.log_metrics(metrics["baseline"])
    mlflow.log_figure(figure, "comparison.svg")

runs = mlflow.search_runs(experiment_ids=[experiment])
runs[["tags.mlflow.runName", "status", "metrics.auc", "metrics.brier", "metrics.calibration_error"]].round(4)

# %% [markdown]
# To read model cards and pictures, start MLflow's own server on the home's store: [mlflow/README.md](../mlflow/README.md).
#
# ## Which version serves
#
# Put a version's number in to make it champion yourself. `registry.rollback("churn")` takes the last promotion back.

# %%
PROMOTE = ""

if PROMOTE:
    registry.promote("churn", PROMOTE)
pd.DataFrame(
    [(v.version, ", ".join(v.aliases), v.tags["as_of"], v.tags["verdict"]) for v in registry.versions("churn")],
    columns=["version", "alias", "as of", "verdict"],
)

# %% [markdown]
# `nextbest publish` brings the champion to where serving reads it; a running server takes it after a restart. On the command line the same is
# `nextbest models`, `nextbest promote churn VERSION` and `nextbest rollback churn`.
