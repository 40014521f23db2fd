"""One file per rule: which nodes it refuses and why, how it scores them, and which events could change its mind."""
