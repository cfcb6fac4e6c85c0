"""KafkaSources of both groups."""
