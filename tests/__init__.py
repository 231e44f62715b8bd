"""The checks of the project; `make test` runs them all."""
