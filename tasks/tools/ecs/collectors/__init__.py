"""The collectors: each asks AWS one kind of thing, and makes facts of the answer."""
