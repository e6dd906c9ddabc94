"""`python -m waker`, `waker` and `kubectl waker`."""

import sys

from waker.cli import main

if __name__ == "__main__":
    sys.exit(main())
