"""Fills Secrets that are to hold the token of a ServiceAccount."""
