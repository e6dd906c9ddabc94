"""The embedded cluster by itself: all that can be tested without comparing it with a real API server."""
