"""Finds out whether the API servers behind APIServices answer."""
