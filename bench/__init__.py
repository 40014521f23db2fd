"""How fast and how small Podium is: real servers, measured from outside. `python -m bench --help`.

targets.py is what must be reached, scenarios.py what is done, server.py and wire.py talk to the server, load.py is the
process that makes load, report.py the table.
"""
