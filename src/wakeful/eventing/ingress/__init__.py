"""Taking events in: which requests are accepted, and the answer to those that are not."""
