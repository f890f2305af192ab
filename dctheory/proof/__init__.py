"""Verdicts and the general routes to one: identities, SMT, exact search, sampling."""
