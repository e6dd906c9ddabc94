"""Why is this app not asleep? The facts of one app as one JSON object, and that object as a text for people."""
