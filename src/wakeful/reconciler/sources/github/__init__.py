"""GitHubSources of both groups: an address for GitHub, and the webhook that calls it."""
