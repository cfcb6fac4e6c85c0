"""An entry of the registry is ready when what it refers to exists."""
