"""The training room: training tables in; models with their evidence in the registry, and scores of all customers, out.

`recipes` makes one named model end to end: a panel of customers over many cut-offs, candidates compared on a time-ordered backtest, the
winner refitted on everything, registered, and made champion when the gate says so. `churn`, `value`, `affinity` and `response` are
estimators that save themselves without pickle; `evaluation` is pure functions; `registry` is the only door to MLflow; `score` answers for
all customers at once.
"""
