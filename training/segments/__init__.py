"""Who the customers are, in groups: RFM segments by rules that every shop can read, and personas that its own data show."""
