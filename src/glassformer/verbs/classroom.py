"""`glassformer class`: of the learners' progress files, which mistakes the class makes and who is stuck."""

import sys
from functools import partial
from pathlib import Path

from glassformer.verbs.asking import say
from glassformer.verbs.printed import Printed, Printeds


def class_(paths: list[Path], /, *, look: Printeds = None) -> None:
    """Passed, stuck, and the commonest mistakes of a class.  Exit code 1 where something had to be left out.

    Parameters
    ----------
    paths
        Progress files, learners' folders, or a folder of either; a learner is called what the file or folder is.
    """
    from glassformer.learn.classroom import classroom
    from glassformer.show.classroom import html_classroom, print_classroom

    look = look or Printed()
    look.file()
    room = classroom(paths)
    look.show(room.as_dict(), partial(print_classroom, room), partial(html_classroom, room))
    for line in room.left_out:
        say(line)
    if room.left_out:
        sys.exit(1)
