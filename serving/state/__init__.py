"""The state database: what is alive, on SQLite or PostgreSQL.

`migrate` makes or renews the schema, `database` opens it, `tables` names what is in it. Around them one file per subject:
customers, events (with order lines), decisions (with outcomes), publications and keys. Functions take an open connection,
because one request is one transaction.
"""
