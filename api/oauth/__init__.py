"""OAuth over HTTP: thin handlers that parse, call `auth`, and render."""
