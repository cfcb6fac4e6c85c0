"""Endpoints and EndpointSlices: the pods behind services."""
