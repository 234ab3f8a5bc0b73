"""The serving room: answers over HTTP, and the state that is alive behind them.

`app` builds the API from `settings`; `api` holds its routes, `auth` its keys, `errors` its problems. A request reads one
customer up to the last event (`current`), asks the champion models (`champions`, `risk`, `recommending`) or `deciding`,
and writes to `state`, on SQLite or PostgreSQL. `publishing` brings the home's tables there. `cli` is the `nextbest` command.
Importing this package imports nothing else.
"""
