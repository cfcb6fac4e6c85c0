"""CloudEvents: the event, its formats and bindings, filters. Formats and decisions, no I/O."""
