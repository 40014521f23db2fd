"""Admission: rules that may change or refuse a write, one file each (plugins.py lists them)."""
