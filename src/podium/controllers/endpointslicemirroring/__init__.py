"""The EndpointSlice mirroring controller: slices for Endpoints that users write for Services without a selector."""
