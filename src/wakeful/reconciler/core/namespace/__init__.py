"""Namespaces: what each one starts with, and how its content ends."""
