"""A Broker for every namespace that asks for one, by its own label or by a Trigger's annotation."""
