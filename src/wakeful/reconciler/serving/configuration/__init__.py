"""A Configuration keeps making Revisions from its template."""
