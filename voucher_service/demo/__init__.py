"""The believable demonstration programme, made from a seed."""
