"""What must hold whatever happens: a model, random lives, planted bugs, replays."""
