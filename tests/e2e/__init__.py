"""Scenarios on a real API server with real ingress controllers. `tests/e2e/run` starts them; each counts what clients see."""
