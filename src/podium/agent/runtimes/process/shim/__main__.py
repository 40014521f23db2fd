"""Runs the shim as a script: `python -S -E __main__.py run|exec|terminal DIR ...`."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[5])
    if sys.argv[1] == "run":
        from podium.agent.runtimes.process.shim.supervise import supervise

        supervise(Path(sys.argv[2]))
    else:
        from podium.agent.runtimes.process.shim.enter import execute

        execute(Path(sys.argv[2]), sys.argv[3:], terminal=sys.argv[1] == "terminal")
