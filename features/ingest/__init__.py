"""Ingestion: a shop's own files into the home's tables, all of them or none.

`run` is the whole way: `given_files` finds what a path stands for, `source_files` and `reading` make rows of it, `mapping` and `binding` say which
column is which, `order_rows` fills and leaves out what only an order's rows together say, `casting` and `row_checks` judge every value,
`currencies` and `order_lines` make order lines whole and tell sales from returns and fees, `typed_rows` is all of that in one expression, `staging`
holds a file under its `terms` until all are good; `returned_orders` links returns to orders, and `report` counts it all.
`head_files`, `baskets` and `reconstructed` put orders and lines from files of their own together, with dates from the days between orders.
`suggesting` writes a mapping for a file that has none, from `sampling` its first rows and the `likeness` of names and values.
`workspace` lets one ingestion at a time into the home.
"""
