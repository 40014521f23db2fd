"""Runs one Pod on every node that is to have one."""
