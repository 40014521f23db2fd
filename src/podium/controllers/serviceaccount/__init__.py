"""Sees to it that every Namespace has the ServiceAccount "default"."""
