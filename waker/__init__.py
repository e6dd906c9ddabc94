"""KubeSleeper: apps that nobody visits sleep, the first visitor wakes them."""

__version__ = "0.1.0"
