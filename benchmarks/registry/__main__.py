"""`python -m benchmarks.registry [rollbacks applies reads uploads starts]`: exits with 1 when a bar is missed."""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.registry import applies, reads, rollbacks, starts, uploads

MEASURES = {"rollbacks": rollbacks, "applies": applies, "reads": reads, "uploads": uploads, "starts": starts}


def main() -> int:
    """Measure what is asked for, or everything."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.registry", description=__doc__)
    parser.add_argument("measures", nargs="*", choices=[*MEASURES, []], default=[])
    missed = []
    for name in parser.parse_args().measures or MEASURES:
        with tempfile.TemporaryDirectory(prefix=f"tidegate-{name}-") as folder:
            if not MEASURES[name].measure(Path(folder)):
                missed.append(name)
    if missed:
        print(f"missed: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
