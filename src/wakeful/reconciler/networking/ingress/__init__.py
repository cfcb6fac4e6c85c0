"""An Ingress is ready when the gateway serves exactly it."""
