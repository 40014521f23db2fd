"""Removes Pods that nobody will ever finish: those of nodes that are gone."""
