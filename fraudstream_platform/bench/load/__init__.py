"""The bench's stream: made ahead into files, then sent at its intended times by a process of its own."""
