"""The first room: tables in; features as of a time, journey stages, labels and training sets out.

`contract` names every column. `ingest` brings outside files into the home, `checks` says what is wrong with them, `engine` opens them in DuckDB
(`duck`) or Spark (`spark`). `definitions` declares the features once; `batch` computes them for everybody at many cut-offs from the rows of
`sources`, `online` for one customer at request time from those of `own_rows`. `training_sets` joins features, `attributes` of customers
and `labels`; `learnable` says which of them tell something about this shop.
"""
