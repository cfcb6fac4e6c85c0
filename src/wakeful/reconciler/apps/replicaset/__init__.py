"""ReplicaSets: a number of like pods."""
