"""Commands killed at random moments: each leaves all or nothing, and the same command again heals.

    python -m tests.torture.kills --kills 70 --seed 1

sends SIGKILL to every command that writes. Half of the kills come after a random fraction of the
time that it usually takes, the others at a random step (`steps`). Then it compares the database and
the folders with what they were before and with what a whole command leaves. The command runs again,
which must succeed, leave exactly that, and neither a temporary file nor a process. Trials of the
local server itself have a server of their own.
"""
