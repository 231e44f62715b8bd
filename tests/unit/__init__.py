"""Tests of one module at a time: no database, no web."""
