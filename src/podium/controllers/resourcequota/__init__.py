"""The ResourceQuota controller: tells in the status what is used. Admission keeps its own account, and refuses."""
