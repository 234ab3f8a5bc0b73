"""What a stage of the journey is worth: a panel of customers' states, a Markov reward process over them, and what leaving costs."""
