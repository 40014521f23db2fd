"""Who asks: client certificates, bearer tokens, impersonation."""
