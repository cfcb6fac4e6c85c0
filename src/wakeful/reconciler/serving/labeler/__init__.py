"""Revisions and Configurations carry which Routes lead to them."""
