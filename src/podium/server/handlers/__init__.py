"""One module a verb: from a parsed request to the registry and back to bytes."""
