"""A Parallel is a channel in front, and a channel and two Subscriptions for each branch."""
