"""One certificate for all public hosts of a namespace, where an administrator wants that."""
