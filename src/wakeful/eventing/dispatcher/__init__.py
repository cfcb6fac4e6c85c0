"""Getting events to those who want them: a lane for each consumer; none waits for another."""
