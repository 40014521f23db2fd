"""Evicts Pods from nodes with NoExecute taints, when their tolerations end."""
