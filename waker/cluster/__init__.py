"""The Kubernetes API: watching it, reading its objects, writing to it. Knows nothing of visitors or traffic."""
