"""Backs up a database while others write to it, and keeps the newest backups.

Arguments: the database file, the folder for backups, how many to keep.
"""

import sqlite3
import sys
import time
from pathlib import Path

database, folder, keep = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
now = time.time()
stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now))
target = folder / f"{database.stem}-{stamp}-{int(now * 1000) % 1000:03d}.db"
with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as source, sqlite3.connect(target) as backup:
    source.backup(backup)
    (orders,) = backup.execute("SELECT count(*) FROM orders").fetchone()
print(f"{target.name}: {orders} orders")
for old in sorted(folder.glob(f"{database.stem}-*.db"))[:-keep]:
    old.unlink()
