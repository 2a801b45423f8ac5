"""What a worker runs: the tool API, the tools, and the Celery job around them."""
