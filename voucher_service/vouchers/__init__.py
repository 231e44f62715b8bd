"""Vouchers: the signed code, key ring, typed code, QR pictures, issuing, life and printed sheets."""
