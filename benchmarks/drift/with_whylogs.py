"""One profile of whylogs: `python with_whylogs.py CURRENT.npz` prints seconds of CPU and the rows it counted.

Runs in an environment of its own, `.locks/peers/whylogs.txt`.
"""

import json
import sys
import time

import numpy as np
import pandas as pd
import whylogs


def main() -> None:
    """Profile the frame; a first small one has everything imported and compiled."""
    with np.load(sys.argv[1]) as file:
        frame = pd.DataFrame(dict(file))
    whylogs.log(pandas=frame.head(100))
    begin = time.process_time()
    view = whylogs.log(pandas=frame).view()
    seconds = time.process_time() - begin
    counted = int(view.get_column(frame.columns[0]).get_metric("counts").n.value)
    print(json.dumps({"seconds": seconds, "rows": counted, "version": whylogs.__version__}))


if __name__ == "__main__":
    main()
