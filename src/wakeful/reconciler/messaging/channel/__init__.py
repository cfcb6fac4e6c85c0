"""A Channel stands for a channel of the same name, of the kind its template says."""
