"""The command `glassformer`: its verbs, and what every one of them promises.

Exit codes: 0 done · 1 a check failed · 2 usage · 3 missing · 4 bad checkpoint · 5 could not write · 130 Ctrl-C.
"""

import os
import sys
import warnings

from cyclopts import App, CycloptsError
from cyclopts.exceptions import UnusedCliTokensError

from glassformer import __version__
from glassformer.errors import GlassformerError, did_you_mean, one_line
from glassformer.verbs.claims import claims
from glassformer.verbs.classroom import class_
from glassformer.verbs.explain import explain, why
from glassformer.verbs.generate import generate
from glassformer.verbs.learn import check, hint, learn, reset, solution
from glassformer.verbs.models import info, models
from glassformer.verbs.open import open_page
from glassformer.verbs.stream import classify, embed, fill
from glassformer.verbs.train import train
from glassformer.verbs.translate import translate
from glassformer.verbs.worksheet import worksheet

WELCOME = """\
Glassformer: a transformer you can see through.

  glassformer explain "this restaurant was not terrible"    what three models make of a sentence, and why
  glassformer open                                          the same as a page in the browser: look, touch, switch off
  glassformer why "this restaurant was not terrible" 'L0.H3.weights[4,3]'    one number, all its arithmetic
  echo "the soup was not bad" | glassformer classify        an answer a line
  glassformer translate "3 1 4 1 5 9 2 6"                   what a translator writes; explain says where it came from
  glassformer learn                                         exercises; the checker names the mistake
  glassformer claims                                        what the sources say, tried: true, false, or it depends
  glassformer generate "ROMEO:" --temperature 0.5           a text goes on, a character at a time; or any GPT-2
  glassformer models                                        what is in the package
  glassformer explain TEXT --model FOLDER_OR_HUB_ID         the same of any BERT, GPT-2 or Marian translator
  glassformer --help                                        everything else
"""

# How often a thread that waits for the others looks, before it sleeps: about a millisecond.  By itself GNU's OpenMP,
# which PyTorch uses on Linux, goes on looking; where another program has the core, each of thousands of small steps
# then takes a turn of the scheduler, and half a second becomes ten.
SPINS = "10000"

app = App(
    name="glassformer",
    help="A transformer you can see through: every number with its arithmetic, every weight beside its effect.",
    version=__version__,
    help_epilogue='Example: glassformer explain "this restaurant was not terrible"',
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
app.command(open_page, name="open")
for verb in (explain, why, classify, embed, fill, generate, translate, models, info, train, check, worksheet):
    app.command(verb)
app.command(learn)
for verb in (hint, reset, solution):  # as they stand under `learn`, and a word shorter
    app.command(verb, show=False)
app.command(claims)
app.command(class_, name="class")


@app.default
def welcome() -> None:
    """A short welcome."""
    print(WELCOME, end="")


def main() -> None:
    """Every expected error is one line on standard error and its exit code; every warning is a line too."""
    _open_streams()
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
    with warnings.catch_warnings():
        warnings.showwarning = _warned  # type: ignore[assignment]
        _run()


def _run() -> None:
    try:
        app(sys.argv[1:], exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except UnusedCliTokensError as error:
        _stop(_too_much(error.unused_tokens or []), 2)
    except CycloptsError as error:
        _stop(one_line(error, 300), 2)
    except GlassformerError as error:
        _stop(one_line(error, 600), error.exit_code)
    except KeyboardInterrupt:
        _stop("interrupted", 130)
    except BrokenPipeError:  # whoever read our output has gone: nobody to tell
        _drop_output()
        sys.exit(141)
    except OSError as error:
        _drop_output()
        _stop(one_line(error), 5)


def _warned(message: Warning | str, *_: object) -> None:
    print(f"glassformer: {one_line(message, 600)}", file=sys.stderr)


def _drop_output() -> None:
    """Python writes what is left once more at its end, and would complain once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _open_streams() -> None:
    """What a terminal cannot show is replaced; a closed stream, which Python calls None, is met before it is used."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  open to the end
    if sys.stdout is None:
        _stop("standard output is closed; there is nowhere to answer", 5)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]


def _too_much(unused: list[str]) -> str:
    """What to say of words that no verb took."""
    verbs = [name for name in app if not name.startswith("-")]
    if sys.argv[1] in verbs:
        return f"{one_line(' '.join(unused), 60)!r} is too much for {sys.argv[1]}; put a sentence in quotes"
    return f"there is no command {one_line(sys.argv[1], 40)!r}{did_you_mean(sys.argv[1], verbs) or '; see --help'}"


def _stop(message: str, code: int) -> None:
    print(f"glassformer: {message}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
