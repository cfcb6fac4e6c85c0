"""The adapter of KafkaSources: consumes topics, delivers each record, then commits."""
