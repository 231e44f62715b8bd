"""Files made to eat memory or time, sent to a server that really runs."""
