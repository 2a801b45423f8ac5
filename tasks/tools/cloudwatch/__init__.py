"""CloudWatch Logs, as people use them: followed while they are written."""
