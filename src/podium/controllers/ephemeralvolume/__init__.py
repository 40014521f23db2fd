"""The ephemeral volume controller: makes the claims that Pods carry as templates."""
