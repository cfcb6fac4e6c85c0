"""A Route is an Ingress, and a Service name for each of its targets."""
