"""Beneficiaries: a pseudonymous reference, sealed personal fields, erasure by destroying a key."""
