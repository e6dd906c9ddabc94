"""What a route is, one file a kind: how it is found, pointed at waker and back, and what forbids it. Pure."""
