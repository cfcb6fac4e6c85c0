"""Runs pipelines: a run for each task when its turn has come, and what comes out of them."""
