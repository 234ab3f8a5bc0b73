"""Ingestion: a shop's own files into the home's tables, all of them or none.

`run` is the whole way: `source_files` and `reading` make text of whatever is given, `mapping` and `binding` say which column is which, `order_rows` fills
and leaves out what only an order's rows together say, `casting` and `row_checks` judge every value, `order_lines` tells sales from returns and
fees, `staging` holds a file until all are good; `report` counts it all.
`suggesting` writes a mapping for a file that has none, from `sampling` its first rows and the `likeness` of names and values.
`workspace` lets one ingestion at a time into the home.
"""
