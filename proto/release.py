"""Keep the admin API as it is now under `proto/released`: what a release has promised, no later one breaks.

    python proto/release.py

Run for a release, never to make a test pass: `buf breaking` compares every change with what is kept here.
"""

from __future__ import annotations

import gzip

import generate

RELEASED = generate.HERE / "released" / "tidegate_v1.binpb.gz"


def main() -> None:
    """Writes the descriptor set, without comments."""
    [package] = [package for package in generate.PACKAGES if package.name == "v1"]
    # No time inside: the same protos are the same file.
    RELEASED.write_bytes(gzip.compress(generate.image(package.sources), mtime=0))


if __name__ == "__main__":
    main()
