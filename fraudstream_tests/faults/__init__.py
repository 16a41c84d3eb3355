"""Fault rounds: a running pipeline loses a part to kill -9, in mid-run, and has to go on by itself."""
