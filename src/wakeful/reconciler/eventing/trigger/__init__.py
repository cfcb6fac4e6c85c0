"""A Trigger is a Subscription of its Broker's channel, with a filter before the subscriber."""
