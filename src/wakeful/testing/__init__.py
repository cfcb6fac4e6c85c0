"""Test support that ships with the package; imported by tests only."""
