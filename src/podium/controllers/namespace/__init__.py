"""Empties Namespaces that are being deleted, then lets them go."""
