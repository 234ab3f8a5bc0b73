"""Buy-till-you-die models: when customers buy again and what they spend, from recency, frequency and time alone.

The papers' symbols live here and nowhere else: x is the number of repeat purchase days, t_x the time from the first to the last of
them, T the time from the first to the end of observation; times are in any one unit (days, here).
"""
