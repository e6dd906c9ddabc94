"""How many of what, in words: `1 app`, `2 apps`. Pure. For sentences, and for every other part of waker above this floor."""


def counted(number: int, what: str) -> str:
    """`what`: in the singular, of a word that only takes an s."""
    return f"{number} {what}{'' if number == 1 else 's'}"
