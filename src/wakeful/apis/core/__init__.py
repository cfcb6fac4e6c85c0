"""The core group: pods, services, configuration, namespaces and what belongs to them."""
