"""The rules: small functions that need no model, each with the evidence it rests on."""
