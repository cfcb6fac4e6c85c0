"""Pods nobody looks after any more, and events nobody asks for."""
