"""ContainerSources of both groups."""
