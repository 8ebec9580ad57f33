"""How models are made: one command from data to a model with its card.  Read in this order:

recipes      all numbers, in one place
task         what is learned: a batch, its loss, what is looked at and measured, the card; tasks: which for which recipe
reverse      the first lesson: eight digits, backwards
characters   a text, character by character; compression: how many bits it takes
translate    from one language into another; pairs: the sentences, and pieces for both; bleu: how good it is
sentiment    which label a sentence has; what stands from here to `lesson` is for it alone
data         sentences and labels from files; what is kept apart for measuring
vocabulary   word pieces, learned from text
meanings     a first vector for every piece, from the company it keeps
lexicon      the words of the negation grammar; neutral: what people do that judges nothing
constructions  its sentence patterns, in three tables: affirmed, flipped, kept
slots        how a pattern is filled; negation: how clauses become a sentence with a label
material     all of it gathered: what a recipe trains on
batches      which sentences make which step's batch
lesson       batches with an edge cut
loop         the steps; yields after each, and does nothing else
big          a batch in parts, blocks computed again, two bytes a number: what is learned in less memory
memory       how much that is, as sums; weighed: the scales they are held against
checkpoint   a run that was killed goes on, to the same bits
measure      accuracy with its uncertainty, and what a cut edge changes; evaluate: everything of one seed
card         the model card; report: that of a model that writes
how          in how many parts, and in what numbers; pace: as many steps as fit in so many minutes
run          ties it together, with a progress bar
"""
