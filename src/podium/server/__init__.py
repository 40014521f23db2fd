"""The API on the wire: HTTP, authentication, authorization, content negotiation, discovery, OpenAPI, watch streams."""
