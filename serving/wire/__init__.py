"""What the server answers, as pydantic models: routes fill them, and clients read answers with them.

Importing them starts nothing and loads no part of the server.
"""
