"""Acceptances made without a network: what devices sign and send, the rules that judge it, leases, conflicts."""
