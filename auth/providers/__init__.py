"""The identity providers we stand in front of. Each is one module and one line in `auth.providers.known`."""
