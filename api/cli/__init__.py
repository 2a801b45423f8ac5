"""The `mcp-playground` command."""
