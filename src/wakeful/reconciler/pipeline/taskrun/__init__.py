"""Runs tasks: a Pod for each attempt, and what comes out of it."""
