"""`python -m waker.image.precompile`: turns the templates into Python modules beside them, once, when an image is built.

The service then needs no template compiler, which is a tenth of its memory. It must run on the Python that the image
has; a changed template must be compiled again, so a checkout is better off without.
"""

from waker.web import files
from waker.web.page import COMPILED, environment


def main() -> None:
    """Compile them all."""
    templates = files.folder("templates")
    environment().compile_templates(templates / COMPILED, extensions=["html"], zip=None, ignore_errors=False)


if __name__ == "__main__":
    main()
