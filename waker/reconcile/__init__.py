"""From what is observed to what is done: one app, or one namespace, at a time."""
