"""DT One, Digital Value Services: HTTP Basic, our own reference, two phases, states in classes."""
