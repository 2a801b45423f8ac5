"""HTTP turned into MCP and back, on the MCP SDK's public kernel."""
