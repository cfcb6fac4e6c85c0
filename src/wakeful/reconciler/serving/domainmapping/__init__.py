"""DomainMapping: a host name of one's own for anything with a cluster-local address."""
