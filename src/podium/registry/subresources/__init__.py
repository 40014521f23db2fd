"""What can be done to a part of an object: one module a kind of object or of action."""
