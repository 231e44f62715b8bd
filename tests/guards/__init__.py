"""The rules of the house, each a small pure check shown to catch a planted violation."""
