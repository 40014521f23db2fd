"""The EndpointSlice controller: the Pods behind each Service with a selector, in slices of at most 100."""
