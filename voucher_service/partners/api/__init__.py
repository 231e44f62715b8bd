"""Programs of a partner: their keys, and the answers kept so that asking twice does it once."""
