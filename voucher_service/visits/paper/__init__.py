"""The counter on paper: emergency packs, and their log keyed in when the server is back."""
