"""Who may do what: RBAC from live objects, and the reviews that ask it."""
