"""HostRoute: several services under one host, by path and header."""
