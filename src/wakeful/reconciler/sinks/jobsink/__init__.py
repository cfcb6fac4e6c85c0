"""Says where JobSinks take events."""
