"""Deletes Jobs some time after they are over."""
