"""A Revision is a Deployment, and a PodAutoscaler that sizes it."""
