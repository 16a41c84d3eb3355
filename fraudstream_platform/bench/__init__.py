"""`fraudstream bench`: what the pipeline does with an open-loop stream, and what others do with it."""
