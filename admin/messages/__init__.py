"""The rooms of messages: what was sent, a page that tries a text, texts, gateways, and who wants none."""
