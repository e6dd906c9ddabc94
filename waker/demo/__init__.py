"""The embedded cluster: an API server, controllers, a node, an ingress and sample apps, in one process and one event loop.

`waker demo` shows it and waker's tests run against it. So it has to be a second opinion: it knows nothing of waker but its
names and errors. Only `show`, which runs waker beside it, knows both. Start with `cluster.DemoCluster`.
"""
