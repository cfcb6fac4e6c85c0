"""Keeps the service that runs an EventTransform's expression."""
