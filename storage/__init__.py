"""What we remember: the only package that talks to Redis."""
