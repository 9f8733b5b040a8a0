"""One report of Evidently: `python with_evidently.py REFERENCE.npz CURRENT.npz` prints seconds of CPU and what it counted.

Runs in an environment of its own, `.locks/peers/evidently.txt`.
"""

import json
import sys
import time
import warnings
from importlib.metadata import version

import numpy as np
import pandas as pd

# Its own use of other libraries is not what is looked at.
warnings.simplefilter("ignore")

from evidently import Dataset, Report  # noqa: E402
from evidently.presets import DataDriftPreset  # noqa: E402


def main() -> None:
    """Compare the frames as its page of first steps does; a first small report has everything imported."""
    reference, current = (Dataset.from_pandas(_frame(path)) for path in sys.argv[1:3])
    small = Dataset.from_pandas(_frame(sys.argv[1]).head(100))
    Report([DataDriftPreset()]).run(small, small)
    begin = time.process_time()
    found = Report([DataDriftPreset()]).run(current, reference).dict()
    seconds = time.process_time() - begin
    print(json.dumps({"seconds": seconds, "metrics": len(found["metrics"]), "version": version("evidently")}))


def _frame(path: str) -> pd.DataFrame:
    with np.load(path) as file:
        return pd.DataFrame(dict(file))


if __name__ == "__main__":
    main()
