"""Keeps as many Pods as a ReplicationController asks for: the ReplicaSet controller for another kind."""
