"""The embedded cluster by itself: what no real API server is needed to judge."""
