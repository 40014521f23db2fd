"""Fills ClusterRoles that aggregate others with the rules of those."""
