"""A Service is kept as a Configuration and a Route of the same name."""
