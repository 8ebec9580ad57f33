"""The ledger: what the sources say, tried.  Each claim is a function that runs it and decides by its numbers.

claim          what a claim is and what came of it: plain data; the list that each of them enters
ledger         which are asked for, tried one after the other
drawn          tensors, and small models, that several claims draw
sentences      many sentences and the shipped models: one sentence proves nothing

arithmetic     the six steps, the soft dictionary
scaling        why the scores are divided by √d
positions      sines and cosines in two layouts; sets and orders
heads          several soft dictionaries side by side: what they cost, and what W_O is for
blocks         norms, the stream, what is linear, who looks at whom
beside         recurrence, convolution, sparse masks, segments
learning       losses, gradients, numbers of two bytes
decoding       greedy, beams, temperature, one pass for all positions
size           memory and parameters
bert           facts of the BERT code; bert_defects what is wrong in it
former         what is wrong in `former`, each acted again in a few lines of our own
shipped        claims about attention, tried on many sentences with the models of the package
"""
