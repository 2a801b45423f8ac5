"""CloudWatch Logs, as people use them: searched, and followed while they are written."""
