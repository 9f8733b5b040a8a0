"""Generated messages of the admin API, `tidegate.v1`.

Every module ending in `_pb2` is written by `proto/generate.py` from `proto/tidegate/v1` and never edited. The messages
live in the descriptor pool of :mod:`tidegate.inference.pool`: what they import, such as protovalidate's options, may be
in the default pool in another release.
"""
