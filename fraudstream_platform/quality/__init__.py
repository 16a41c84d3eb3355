"""How good each source's data is: measured by window, judged against its past, told when it changes."""
