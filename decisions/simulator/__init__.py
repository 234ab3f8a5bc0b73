"""A shop that does not exist, whose laws are known: customers who browse, buy, respond to actions, and leave.

`simulate` draws its tables and the truth behind them, `write` puts both into files. World: `rhythm`, `assortment`, `population`,
`responses`; week by week: `behaviour`, `rounds`; what is seen of it: `baskets`, `touchpoints`, `tables`, `truth`.
"""

from decisions.simulator.shop import Shop, simulate, write

__all__ = ["Shop", "simulate", "write"]
