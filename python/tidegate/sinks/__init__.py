"""Where events go."""

from tidegate.sinks.base import Sink
from tidegate.sinks.catalog import open_sink
from tidegate.sinks.log import LOG

__all__ = ["LOG", "Sink", "open_sink"]
