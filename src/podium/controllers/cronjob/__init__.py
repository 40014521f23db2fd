"""Makes Jobs when a schedule says so."""
