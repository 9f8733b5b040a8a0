"""Generated messages of the inference protocol, of its health check and of its error details.

Every module ending in `_pb2` is written by `proto/generate.py` and never edited. The messages live in a descriptor pool
of their own (`tidegate.inference.pool`), because other clients of the same protocol register the same names in the
default one.
"""
