"""`glassformer claims`: what the sources say, tried, with a verdict and the figures it stands on."""

import sys
from collections.abc import Iterator
from functools import partial
from typing import Annotated

from cyclopts import Parameter

from glassformer.errors import UsageError
from glassformer.verbs.asking import as_json
from glassformer.verbs.printed import Printed, Printeds


def claims(
    ids: list[str] | None = None,
    /,
    *,
    seed: int = 0,
    names: Annotated[bool, Parameter(name="--list", negative="")] = False,
    look: Printeds = None,
) -> None:
    """Every number and claim of the sources, run: true, false, or what it depends on.  All of them take half a minute.

    Parameters
    ----------
    ids
        Only these: names of claims, or rows of the sources, such as IT-46.
    seed
        Of all that is drawn; no verdict should change with it.
    names
        List what there is, and run nothing.
    """
    from glassformer.claims.ledger import chosen, document, ledger
    from glassformer.show.ledger import html_ledger, print_counts, print_entry, print_list

    look = look or Printed()
    file, wanted = look.file(), chosen(ids or [])
    if names:
        return _listed(look, partial(print_list, wanted), [each.name for each in wanted])
    _one_thread()
    if not look.json and file is None:
        entries = []
        for entry in ledger(wanted, seed):
            print_entry(entry, **look.how)
            entries.append(entry)
        return print_counts(entries, **look.how)
    entries = list(ledger(wanted, seed, partial(_begun, len(wanted), iter(range(1, len(wanted) + 1)))))
    look.show(document(entries, seed), print, partial(html_ledger, entries, seed))


def _listed(look: Printed, drawn: partial[None], names: list[str]) -> None:
    if look.html is not None:
        raise UsageError("--html writes verdicts, --list runs nothing; choose one")
    print(as_json({"schema": 1, "kind": "claim-names", "names": names}, 1)) if look.json else drawn(**look.how)


def _one_thread() -> None:
    """Everything is small: a second thread costs more than it saves."""
    import torch

    torch.set_num_threads(1)


def _begun(count: int, numbers: Iterator[int], _: object) -> None:
    """Somebody who waits is told how far it is."""
    if sys.stderr.isatty():
        print(f"\rglassformer: claim {next(numbers)} of {count}", end="\r", file=sys.stderr, flush=True)
