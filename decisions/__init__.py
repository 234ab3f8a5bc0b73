"""Decisions: from what is known about a customer to what should be done for them now, with which probability, and why.

A catalogue says what the shop can do; gates say what is allowed; arbitration says what it is worth; exploration draws, with known probabilities.
`decide` is the one function for all of it: production, the simulator and every evaluation call it, and its record can be made again.
"""
