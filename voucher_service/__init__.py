"""The ledger service: gifts become vouchers, vouchers become recorded visits and delivered top-ups."""
