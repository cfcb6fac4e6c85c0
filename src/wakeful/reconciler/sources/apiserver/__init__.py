"""ApiServerSources of both groups."""
