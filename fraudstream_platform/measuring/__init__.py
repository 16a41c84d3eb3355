"""What watches a running pipeline from outside: demo, benchmark and tests share it."""
