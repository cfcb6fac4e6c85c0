"""Keeps the topics of KafkaChannels, and the way to them."""
