"""A Broker of the class MTChannelBasedBroker is a channel and an address."""
