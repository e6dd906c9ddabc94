"""Build steps of the container image.

The Dockerfile runs each module once, at build time, as `python -m waker.image.MODULE`. Nothing else imports from here.
"""
