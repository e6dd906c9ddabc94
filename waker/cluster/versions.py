"""Resource versions. Those of one resource can be compared as numbers (KEP-5504); of any others nobody knows which is newer."""


def is_newer(one: str, other: str) -> bool:
    """Whether the first is known to be the newer one."""
    return one.isdecimal() and other.isdecimal() and int(one) > int(other)
