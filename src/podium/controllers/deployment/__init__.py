"""Rolls a Deployment's template out over ReplicaSets. One file per question:

limits.py: how many Pods more or fewer than wanted there may be; revisions.py: which ReplicaSet is which revision;
rolling.py, recreate.py, scale.py: what each ReplicaSet is scaled to; progress.py: what status and conditions say;
decide.py puts the answers together, controller.py acts on them.
"""
