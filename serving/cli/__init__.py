"""The `nextbest` command: the only place that sees every room. Each command loads what it needs when it runs, so that none waits for MLflow in vain."""
