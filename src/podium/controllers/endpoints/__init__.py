"""The Endpoints controller: the Pods behind each Service with a selector, in the older form that v1 clients read."""
