"""Deletes what has lost its last owner, and carries out foreground deletion and orphaning.

graph.py finds owners and dependents in the shared informers, decide.py says what becomes of an object, controller.py
acts.
"""
