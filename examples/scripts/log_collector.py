"""Collects the lines that programs of this node write to log files, and says where they are from.

Arguments: the folder with the log files, the file to collect in. The node's name is in $NODE_NAME.
"""

import os
import sys
import time
from pathlib import Path

folder, target = Path(sys.argv[1]), Path(sys.argv[2])
node = os.environ["NODE_NAME"]
offsets: dict[Path, int] = {}
with target.open("a") as collected:
    while True:
        for path in sorted(folder.glob("*.log")):
            with path.open() as log:
                log.seek(offsets.get(path, 0))
                while (line := log.readline()).endswith("\n"):
                    offsets[path] = log.tell()
                    print(f"{node} {path.stem} {line}", end="", file=collected, flush=True)
        time.sleep(0.2)
