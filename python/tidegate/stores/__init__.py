"""Where the registry keeps its rows: one promise, one set of statements, one file for each database."""

from tidegate.stores.base import Store
from tidegate.stores.catalog import open_store

__all__ = ["Store", "open_store"]
