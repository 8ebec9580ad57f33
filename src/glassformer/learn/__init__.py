"""Exercises whose checker names the mistake.  docs/learning.md is the contract.

order      which exercises there are, in which order (no torch)
exercise   what an exercise is: cases, the key, its stages, named wrong versions, properties
record     every tensor that somebody's code makes
stages     which stage of the key is among them, and the first that is not
diagnose   which mistake of the bank, or which two together
check      all of it, in order → Result
modules    an nn.Module class as a function: its layers filled with a case's weights
run, child a check in a process of its own: loops, exit, floods and crashes stay there
folder     the learner's folder; progress: what was passed, after which mistakes
worksheet/ questions for hand arithmetic, and their key; classroom: which mistakes a class makes
bank/      one module an exercise; exercises/ what a learner gets; solutions/ shown after success
"""
