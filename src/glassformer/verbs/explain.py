"""What a model makes of one text, and why."""

from glassformer.verbs.asking import address_of, given, not_read, reader_of, show
from glassformer.verbs.html import check, write_page
from glassformer.verbs.options import Asked, Askeds, Change, Changes, Drawn, Drawns, Look, Looks, Sentence, Sources


def explain(
    text: Sentence,
    address: str | None = None,
    /,
    *,
    source: Sources = None,
    asked: Askeds = None,
    change: Changes = None,
    look: Drawns = None,
) -> None:
    """What the models make of TEXT: which word told which, whether that is the reason, and every number.

    Parameters
    ----------
    text
        A sentence, in quotes; "-" reads it from standard input.
    address
        One head or value of it: L1.H2, L1.H2.scaled, L1.stream, logits.
    """
    change, look, asked = change or Change(), look or Drawn(), asked or Asked()
    change.one_at_a_time(address, asked)
    file = check(look)
    reader = reader_of(source)
    x = asked.explain(reader, given(text))
    if file is not None:
        return write_page(file, x, reader, change, address, look.with_model)
    if change.against is not None:
        both = x.against(change.against)
        not_read(sum(answer.left_out for answer in both.answers))
        return show("against", both, look)
    if change.switched or address is not None:
        not_read(x.left_out)
    if choices := change.choices(x):
        return show("what-if", x.what_if(*choices), look)
    if address is not None:
        return show("sheet", x.sheet(address_of(address)), look)
    show("story", x.story, look)


def why(text: Sentence, address: str, /, *, source: Sources = None, asked: Askeds = None, look: Looks = None) -> None:
    """The arithmetic behind one number of TEXT, recomputed and held beside the model's own.

    Parameters
    ----------
    text
        A sentence, in quotes; "-" reads it from standard input.
    address
        One number, such as 'L1.H2.weights[4,3]', 'L0.stream[2,7]' or 'logits[1]'.
    """
    asked = asked or Asked()
    Change().one_at_a_time(address, asked)
    x = asked.explain(reader_of(source), given(text))
    not_read(x.left_out)
    show("why", x.why(address_of(address)), look or Look())
