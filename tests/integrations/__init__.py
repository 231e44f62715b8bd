"""Tests of the partners behind the adapters."""
