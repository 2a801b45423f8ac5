"""Tools that read CloudWatch Logs."""
