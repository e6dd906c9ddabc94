"""Build steps of the container image. The service imports nothing from here."""
