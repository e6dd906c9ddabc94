"""Build steps of the container image, which the Dockerfile runs. The service imports nothing from here."""
