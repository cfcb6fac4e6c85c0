"""A Subscription is an entry in the list of its channel's subscribers."""
