"""Flower, which shows what ran: behind our own sign-in, read-only, and not forgetful."""
