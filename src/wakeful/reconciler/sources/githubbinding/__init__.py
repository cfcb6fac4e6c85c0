"""GitHubBindings: their subjects' containers have a token of GitHub's."""
