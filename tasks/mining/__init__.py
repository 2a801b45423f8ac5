"""Log lines to patterns: cleaned, joined, counted and digested in memory that does not grow with their number."""
