"""Where events go."""

from tidegate.sinks.base import Sink
from tidegate.sinks.catalog import open_sink

__all__ = ["Sink", "open_sink"]
