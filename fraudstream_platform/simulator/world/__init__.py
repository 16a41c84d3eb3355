"""A world in true time: people with days, weeks, pay, homes and trips; event by event, not by rate.

The compressed demo (`stream.py`) gives every customer a turn in ten minutes; here each has a life.
"""
