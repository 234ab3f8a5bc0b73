"""Spark as the engine: the same expressions as on DuckDB, for a shop that has outgrown one machine.

`session` starts and stops Spark, `backend` is Ibis's door to it with Arrow at both ends, and `compiler` says in Spark's SQL what
Ibis has no words for. `factorisation` and `customer_groups` are what training asks of Spark: product factors, and a function over parts of customers.
"""
