"""The embedded cluster: API server, controllers, an ingress and sample apps, in one process and one event loop.

It is what `waker demo` shows and what the tests of waker run against, so it is a second opinion: it knows nothing of
waker but its names and errors. `cluster.Cluster` is the front door.
"""
