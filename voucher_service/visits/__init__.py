"""Visits: the redemption that is the follow-up record, refusals, questions."""
