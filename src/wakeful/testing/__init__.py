"""Test support that ships with the package; imported by tests only.

``world`` is the API server on memory storage with a client and a manager.
"""
