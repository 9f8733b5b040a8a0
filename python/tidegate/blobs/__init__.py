"""Where bytes are kept, named by what they are."""

from tidegate.blobs.base import Blobs, Upload
from tidegate.blobs.catalog import open_blobs

__all__ = ["Blobs", "Upload", "open_blobs"]
