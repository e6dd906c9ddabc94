"""The Kubernetes API: watches it, parses its objects, writes to it.

`client` makes the calls, `informer` follows collections, the others use both. Reconciling, the service and the commands
call this room; it knows nothing of visitors or traffic.
"""
