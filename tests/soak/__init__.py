"""A whole cluster under random operations and faults, on the virtual clock: `make soak`; a few seeds in test_soak.py.

world.py: the cluster, whose parts hear of changes late, fail and die. story.py: what its users do, the same whatever
fails. trouble.py: what goes wrong. watchers.py: what must hold at every change. outcome.py: what is left in the end.
run.py: one run of all that.
"""
