"""The first room: tables in; features as of a time, journey stages, labels and training sets out.

`contract` names every column. `ingest` brings outside files into the home, `checks` says what is wrong with them, `engine` opens them.
`definitions` declares the features once; `batch` computes them for everybody at many cut-offs, `online` for one customer at request time.
"""
