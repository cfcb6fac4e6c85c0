"""A Sequence is a channel and a Subscription for each step."""
