"""Publishes the cluster's certificate authority in every Namespace."""
