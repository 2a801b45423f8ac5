"""The HTTP face: Litestar in front of the MCP server."""
