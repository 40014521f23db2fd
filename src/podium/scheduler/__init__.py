"""The scheduler: which node each Pod goes to, and why no other (`rules/`). Wired up in `scheduler.py`."""
