"""Damaged inputs by the ten thousand: each is read, or refused in one sentence.

    python -m tests.torture --inputs 10000 --seed 1

changes every kind of file and text that headgraph reads, in one or a few places at a time. A kind
and its seed give the same inputs on every machine. An input fails if it ends in anything but an
answer or a sentence of headgraph's own, takes 10 seconds of processor time or 400 MB, prints
anything, or leaves a file behind. It is then written to `cases/KIND/`, which `make test` reads from
then on.
"""
