"""Revisions nobody routes to go, oldest first."""
