"""The event path: accept, consume, filter, deliver, dead-letter; and what makes events."""
