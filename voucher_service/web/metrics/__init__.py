"""The door of the machine that watches: figures for Prometheus."""
