"""Counts the primes of one part of the numbers below a limit: each index of an Indexed Job does a part.

Arguments: the limit, the number of parts, the folder for results.
"""

import os
import sys
from pathlib import Path

limit, parts, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
index = int(os.environ["JOB_COMPLETION_INDEX"])
numbers = range(limit * index // parts, limit * (index + 1) // parts)
found = sum(n > 1 and all(n % divisor for divisor in range(2, int(n**0.5) + 1)) for n in numbers)
(folder / f"part-{index}").write_text(f"{found}\n")
print(f"{found} primes from {numbers.start} to {numbers.stop - 1}")
