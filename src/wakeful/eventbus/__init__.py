"""The durable log of events: streams, consumers, acknowledgements, behind one protocol."""
