"""The daily report: one static HTML page from the marts, for a reader who runs nothing."""
