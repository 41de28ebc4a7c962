"""A small shop's week of Segment-style calls: made (generate.py) and sent (send.py)."""
