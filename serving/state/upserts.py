"""INSERT ... ON CONFLICT, which each database writes its own way."""

from importlib import import_module
from typing import Any

from sqlalchemy import Table


def insert_into(table: Table, dialect: str) -> Any:
    """An insert that knows what to do `on_conflict`, for sqlite or postgresql: only the one in use is imported, and a server uses one."""
    return import_module(f"sqlalchemy.dialects.{dialect}").insert(table)
