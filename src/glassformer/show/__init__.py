"""How a person sees it.  Knows plain data only: names, numbers, words; never torch, never a model.

text       labels made safe, numbers, bars and shades: what every table is made of
console    how wide, whether in colour, and what stands above a table
terminal   a story, as lines of text of any width
told       its second half: who told whom, and every head on its own
tables     a sheet, a worked sum, a before and after, two sentences
filled     what may stand at a mask
facts      what a model is

packed     a picture as bytes, and back
fitted     the same in as many bytes as there are
modelpack  models as bytes, for a page that runs them itself
modules    the page's ES modules as one script
page       the page: one HTML file
notebook   the page in a notebook's cell
"""
