"""InMemoryChannels and NatsJetStreamChannels: both are streams of one event server."""
