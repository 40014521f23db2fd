"""Watches over the health of nodes: what is not heard of any more is Unknown, tainted, and its Pods not ready."""
