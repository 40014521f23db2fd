"""Connections that stop being HTTP: exec, attach and port-forward, over WebSockets and over SPDY/3.1."""
