"""Certificate: names that get a TLS certificate of the platform's own authority."""
