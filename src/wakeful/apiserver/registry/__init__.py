"""What the API means, apart from how it travels: verbs over stored objects."""
