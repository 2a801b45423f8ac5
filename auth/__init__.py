"""OAuth as rules: who a request speaks for. Authlib and joserfc have their home here."""
