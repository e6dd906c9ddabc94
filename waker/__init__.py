"""KubeSleeper: apps that nobody visits sleep, the first visitor wakes them.

The version is set here. The package reads it; where manifests and documents repeat it, tests compare.
"""

__version__ = "0.1.0"
