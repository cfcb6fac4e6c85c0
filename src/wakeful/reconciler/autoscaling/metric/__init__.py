"""The Metric of a revision."""
