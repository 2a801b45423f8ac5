"""The analysis by a model, which says no more than the evidence bears."""
