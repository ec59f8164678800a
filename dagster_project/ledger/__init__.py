"""Closing months of account: what is posted, how it is chained, whether it still is what it was, who is told what.

A payout is the difference between what a month of activity should be, which dbt computes, and what was posted for it.
Closing posts that difference once. Pure but for `closing` and `verify`, which read and write through `storage`.
"""
