"""Finds or makes the topics of KafkaSinks, and says where they take events."""
