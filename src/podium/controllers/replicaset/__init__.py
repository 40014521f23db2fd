"""Keeps as many Pods as a ReplicaSet (or ReplicationController) asks for."""
