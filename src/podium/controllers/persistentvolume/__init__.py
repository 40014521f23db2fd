"""The persistent volume controller: binds claims to volumes, makes volumes for claims, and reclaims them."""
