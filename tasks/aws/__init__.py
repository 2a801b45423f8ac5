"""AWS for tools: clients that can be interrupted, and errors in words."""
