"""The page's style and script, as package data: installed as `waker.static`."""
