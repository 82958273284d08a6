"""What is promised where the machine is not as usual, and the test that holds it to that.

`docs/project/reliability.md` lists these rows.
"""

from typing import NamedTuple


class Promise(NamedTuple):
    """A row of the table.

    Attributes:
        where: the situation.
        promise: what a user can rely on in it.
        test: the test, as pytest names it.
    """

    where: str
    promise: str
    test: str


_OUTPUTS, _HERE = "tests/test_outputs.py", "tests/test_surroundings.py"
_DISK, _HOME = "tests/loader/test_disk_space.py", "tests/graphdb/server/test_home.py"
_FINISH = "tests/pk_engine/scoring/test_finishing.py"
PROMISES = [
    Promise("full disk: output", "one sentence; the old file stays",
            "tests/pk_engine/table/test_table.py::test_a_write_that_fails_leaves_the_old_file"),
    Promise("full disk: output of a long compute", "its scores stay; the same command resumes",
            f"{_FINISH}::test_a_full_disk_at_the_end_costs_no_scores"),
    Promise("compute killed beside its output", "the same command, or a merge, removes what is "
            "left; other work stays",
            f"{_FINISH}::test_a_kill_between_the_output_and_the_removal_heals"),
    Promise("full disk: standard output", "one sentence, exit code 1",
            f"{_OUTPUTS}::test_a_full_standard_output_is_one_sentence"),
    Promise("full disk: temporary files", "one sentence, which names TMPDIR",
            f"{_OUTPUTS}::test_a_full_folder_for_temporary_files_is_said_to_be_one"),
    Promise("full disk: database", "a load is refused before it writes",
            f"{_DISK}::test_nothing_writes_to_a_disk_that_is_all_but_full"),
    Promise("full disk: database, during a load", "the load ends in time; the same load again "
            "makes a whole run",
            f"{_DISK}::test_a_disk_that_fills_during_a_load_ends_it_before_neo4j_meets_the_end"),
    Promise("full disk: start of the local server", "refused before Java starts",
            f"{_HOME}::test_a_full_disk_is_told_before_java_starts"),
    Promise("folder that cannot be written", "refused before the work",
            f"{_OUTPUTS}::test_a_folder_that_cannot_be_written_is_known_before_the_work"),
    Promise("another user's folder of the local server", "refused",
            f"{_HOME}::test_somebody_elses_folder_is_refused"),
    Promise("another user's output or folder", "refused in one sentence; it stays",
            f"{_HERE}::test_files_of_another_user"),
    Promise("another user's temporary files", "left alone",
            f"{_HERE}::test_files_of_another_user"),
    Promise("a pipe or a device as output", "never replaced",
            f"{_OUTPUTS}::test_a_pipe_and_a_device_are_not_replaced"),
    Promise("umask 000 or 077: output", "has the permissions of any new file",
            f"{_HERE}::test_outputs_have_the_permissions_of_new_files"),
    Promise("umask 000 or 077: local server", "its folder and password are its owner's alone",
            f"{_HERE}::test_the_servers_home_is_private_under_any_umask"),
    Promise("clock set back: unfinished loads", "those of this machine are judged by their "
            "processes; those of another are left alone",
            "tests/loader/test_attempts.py::"
            "test_a_clock_that_was_set_back_is_no_sign_of_life"),
    Promise("clock set back: files from the future", "replaced, removed and resumed as any other",
            f"{_HERE}::test_files_from_the_future"),
    Promise("folder with spaces, quotes, signs and 200 characters", "as any other folder",
            f"{_HERE}::test_a_command_in_odd_surroundings"),
    Promise("folder whose name is not UTF-8", "as any other folder",
            f"{_OUTPUTS}::test_names_that_are_not_utf_8"),
    Promise("HOME unset", "commands without the local server work",
            f"{_HERE}::test_a_command_in_odd_surroundings"),
    Promise("C locale", "files are the same; what the output cannot show is escaped",
            f"{_HERE}::test_a_command_in_odd_surroundings"),
    Promise("no terminal: questions", "what needs an answer asks for --yes, and does nothing",
            "tests/test_doctor.py::test_without_a_terminal_it_wants_yes"),
    Promise("no terminal: progress", "one line a step",
            "tests/graphdb/server/test_commands.py::"
            "test_progress_is_one_line_a_phrase_off_a_terminal"),
    Promise("standard streams closed", "files are the same",
            f"{_OUTPUTS}::test_a_closed_standard_stream_hurts_no_file"),
    Promise("standard output closed, rows to print", "exit code 0, no message",
            f"{_OUTPUTS}::test_rows_for_a_closed_standard_output_are_no_bug"),
]  # fmt: skip
