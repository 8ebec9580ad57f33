# The commands used here; each is one line you can also type.

default:
    @just --list

# everything CI runs
check:
    python -m pytest

# only what is fast
quick:
    python -m pytest tests/parts tests/models tests/test_tape.py tests/test_house.py

format:
    ruff format . && ruff check --fix .

yardsticks:
    python bench/yardsticks.py

bench:
    python bench/note_cost.py

# the lessons as notebooks and pages, run
lessons:
    python lessons/build.py --pages

# make a shipped model again: just train sentiment ../shared/data
train name data:
    glassformer train {{name}} --data {{data}} --seeds 0,1,2
