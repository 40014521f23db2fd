"""Static Pods: those that a node runs because a file says so (Kubernetes docs, "Create static Pods").

`manifest` reads a file and decides what the API is to have; `directory` tells when the files change; `controller` acts.
"""
