"""A shop: takes an order now and then, keeps it in a database, and writes a log.

Arguments: the database file, or "-" for none; the log file, or "-" for standard output.
"""

import random
import sqlite3
import sys
import time

database, log = sys.argv[1:3]
out = sys.stdout if log == "-" else open(log, "a")  # noqa: SIM115 - until the shop closes
orders = sqlite3.connect(":memory:" if database == "-" else database)
orders.execute("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, item TEXT)")
while True:
    item = random.choice(["tea", "coffee", "cocoa"])
    with orders:
        number = orders.execute("INSERT INTO orders (item) VALUES (?)", (item,)).lastrowid
    print(f"order {number}: {item}", file=out, flush=True)
    time.sleep(0.5)
