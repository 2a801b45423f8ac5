"""Looking into an ECS task and its service: state, logs, rules, and an analysis by a model."""
