"""Affinity: what each customer will want next.

Sources say it each in their way (`personal_frequency`, `popularity`, `matrix_factorisation`, `product_similarity`), `recall` fits them
together, `backtest` chooses half-lives and the `blend` at earlier cuts of the same history, and `model` ranks products for everybody or for
one customer. `recipe` makes a registered version end to end; `score` answers for all customers.
"""
