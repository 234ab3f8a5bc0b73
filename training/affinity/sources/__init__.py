"""Sources of recommendations, one small file each, all with the interface of `source`.

training.affinity.recall.SOURCES lists them in the order in which models keep them. Which of them a shop's model has is decided by what its
data have (`fit` gives None where there is nothing to learn), and by what each is worth to the ranker (training.affinity.contest).
"""
