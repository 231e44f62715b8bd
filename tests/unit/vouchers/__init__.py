"""Codes, QR pictures and sheets, read back by decoders that are not ours."""
