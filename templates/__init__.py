"""The page's templates, as package data: installed as `waker.templates`."""
