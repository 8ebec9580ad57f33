"""How a person sees it.  Knows plain data only: names, numbers, words; never torch, never a model.

text       labels made safe, numbers, bars and shades: what every table is made of
terminal   a story, as lines of text of any width
tables     a sheet, a worked sum, a before and after, two sentences
"""
