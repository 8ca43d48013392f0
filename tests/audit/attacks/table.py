"""The list of attacks as a document: ``python -m tests.audit.attacks.table`` writes it."""

from pathlib import Path
from typing import NamedTuple

from tests.audit.attacks import archives, encodings, entries, stores, trees
from tests.audit.attacks.scenes import Attack

ROOT = Path(__file__).parents[3]
DOCUMENT = ROOT / "docs/audit-attacks.md"
COUNT = 64
PARTS = (entries, encodings, trees, archives, stores)
ATTACKS: list[Attack] = sorted(
    (each for part in PARTS for each in part.ATTACKS), key=lambda each: each.number
)

HEAD = """# Attacks on the audit record

Each of the 64 attacks was tried. Those of the first table are done to copies of one log that real processes
made, each as a user of its own, and both verifiers judge them (`tests/audit/attacks/test_attacks.py`): the expected
exit status, check and first bad entry stand beside each. Exit status: 1 tampered, 2 incomplete, 3 stale. A check is
named by its family; where the two verifiers name different ones, `tapedeck verify` comes first. *Entry* says whether
the first bad entry is named by its index. What `tools/audit_verify.py` does not read (Parquet, the index) it does not see.

This file is written by `python -m tests.audit.attacks.table`, and a test compares the two.

| no. | what is done | exit | check | entry | seen by |
| --- | --- | --- | --- | --- | --- |
"""

REST = """
Attacks on processes, streams and databases are made where those are tested. They are not a matter of a verifier alone:
what comes of them is an alarm, a refused start or a submission that is sent again.

| no. | what is done | what catches it | test |
| --- | --- | --- | --- |
"""

NOT_SHOWN = """
## What none of this shows

- What a producer's owner takes from its own log before anything of it was sent: nobody else has seen it. From then on
  the next boot cannot name the end of the one before (attack 62).
- A producer that lies from the start, with its own key: only a comparison with the venue's own records finds that.
- Log, all witnesses of a quorum and the archive together. A receipt that a producer holds contradicts them
  (`--receipt` of the second verifier).
- That somebody deletes the newest digest everywhere, before a quarter of a period has gone by.
"""


class Elsewhere(NamedTuple):
    """An attack on something that runs: what catches it, and the test that shows it."""

    number: int
    done: str
    by: str
    test: str


SEQUENCER = "tests/audit/sequencer/test_sequencer.py::"
RECOVERY = "tests/audit/sequencer/test_recovery.py::"
WITNESS = "tests/audit/witness/test_witness.py::"
SERVER = "tests/audit/witness/test_server.py::"
WAL = "tests/audit/streams/test_wal.py::"
TAMPER = "tests/audit/tamper/test_watch.py::"

ELSEWHERE = [
    Elsewhere(33, "a value of another type (enum, time, tuple, float) slipped in", "refused by the encoder",
              "tests/evidence/test_canonical.py::test_what_would_be_ambiguous_is_refused_wherever_it_stands"),
    Elsewhere(45, "a consistency proof from size 0", "the witness: 422", WITNESS + "test_a_proof_from_size_zero_is_422"),
    Elsewhere(45, "a proof that is empty, swapped or has more behind it", "the witness: 422",
              WITNESS + "test_a_proof_that_does_not_prove_is_422_and_alarmed_once"),
    Elsewhere(48, "a log that goes apart before witnesses", "no quorum for one of the two",
              "tests/audit/witness/test_asking.py::test_only_one_of_two_logs_that_go_apart_gets_a_quorum"),
    Elsewhere(49, "two add-checkpoint calls that race", "the witness cosigns one", SERVER + "test_of_checkpoints_that_race_one_is_cosigned"),
    Elsewhere(49, "two histories that race", "the witness cosigns one", SERVER + "test_of_two_histories_that_race_one_is_witnessed"),
    Elsewhere(50, "a retired key before a witness", "the witness: 403", WITNESS + "test_a_retired_key_of_the_log_signs_nothing_new"),
    Elsewhere(61, "edit the live index or the frames", "the tamper watch, within seconds", TAMPER + "test_tampering_is_called_out_at_once"),
    Elsewhere(62, "delete a producer's log of which the log holds a part", "verifiers: exit 1 `producer-restart`",
              "tests/audit/attacks/test_pipeline.py::test_a_producers_log_that_was_deleted_is_missed"),
    Elsewhere(62, "flip a bit in a producer's log before it was taken", "the log's alarm `StreamDamaged`, which verifiers tell",
              "tests/audit/attacks/test_pipeline.py::test_a_flipped_bit_in_a_producers_log_is_told"),
    Elsewhere(62, "cut a producer's log", "a tail of a crash; its unsigned batch goes", WAL + "test_a_tail_cut_anywhere_is_the_tail_of_a_crash"),
    Elsewhere(62, "take a frame out of it", "damage: an alarm", WAL + "test_a_frame_taken_out_is_missed"),
    Elsewhere(62, "reorder its frames", "damage: an alarm", WAL + "test_frames_that_changed_places_are_missed"),
    Elsewhere(62, "replay it", "no trace in the log", SEQUENCER + "test_what_comes_twice_leaves_no_trace"),
    Elsewhere(63, "squat an event id", "`EventIdReused`, an alarm; the first stays",
              SEQUENCER + "test_an_event_id_with_other_content_is_an_alarm_and_keeps_the_first"),
    Elsewhere(63, "remove a message from the broker", "`SequenceBroken` after its time; sent again",
              SEQUENCER + "test_a_gap_is_alarmed_after_its_time_and_mended_by_sending_again"),
    Elsewhere(63, "change the number of partitions", "refused at both ends", "tests/audit/streams/test_kafka.py::test_another_number_of_partitions_is_refused_at_both_ends"),
    Elsewhere(63, "rewind the offset", "no trace in the log", "tests/audit/streams/test_source.py::test_what_was_not_committed_comes_again_to_the_next_source"),
    Elsewhere(63, "delete the stream", "denied by permissions, asked at start", "tests/audit/streams/test_jetstream.py::test_a_user_who_may_delete_the_stream_is_refused"),
    Elsewhere(63, "overflow the ring, fill the disk", "`AuditDropped` says how many", "tests/audit/client/test_client.py::test_a_full_disk_drops_the_newest_and_tells_how_many"),
    Elsewhere(64, "PostgreSQL: UPDATE, DELETE, TRUNCATE, a chosen number", "the database refuses", "tests/audit/index/test_postgres.py::test_nobody_changes_a_row"),
    Elsewhere(64, "PostgreSQL: DISABLE TRIGGER, replica role, DROP", "the writer may not",
              "tests/audit/index/test_postgres.py::test_the_writer_cannot_take_away_what_forbids_it"),
    Elsewhere(64, "the same as its owner", "the tamper watch", "tests/audit/tamper/test_postgres_eye.py::test_tampering_is_called_out"),
    Elsewhere(64, "SQLite: INSERT OR REPLACE, UPDATE, DELETE", "the database refuses", "tests/audit/index/test_sqlite.py::test_nobody_changes_a_row"),
    Elsewhere(64, "roll the log or its index back before a start", "the start is refused", RECOVERY + "test_a_log_that_does_not_agree_is_refused_and_left_alone"),
    Elsewhere(64, "set the clock back", "boots go on behind the last one", "tests/audit/client/test_log.py::test_a_boot_sorts_behind_the_last_whatever_the_clock_did"),
    Elsewhere(64, "silence", "`ProducerAlive` each minute; verifiers: exit 3", SEQUENCER + "test_silence_is_told_each_minute"),
    Elsewhere(64, "weaken the policy file", "the tamper watch", TAMPER + "test_a_weakened_policy_is_called_out"),
    Elsewhere(64, "write as another user", "the system refuses", "tests/audit/attacks/test_users.py::test_nobody_writes_what_is_anothers"),
    Elsewhere(64, "delete or shorten a lock in the archive", "S3 Object Lock refuses", "tests/store/objects/test_s3.py::test_neither_its_owner_nor_a_bypass_deletes_or_shortens"),
]  # fmt: skip


def line(attack: Attack) -> str:
    check = f"`{attack.check}`" if attack.ours is None else f"`{attack.ours}`, `{attack.check}`"
    entry = "" if attack.first == "none" else "yes"
    seen = "both" if attack.seen else "`tapedeck verify`"
    return f"| {attack.number} | {attack.done} | {attack.exit} | {check} | {entry} | {seen} |\n"


def document() -> str:
    text = HEAD + "".join(map(line, ATTACKS)) + REST
    for each in ELSEWHERE:
        text += f"| {each.number} | {each.done} | {each.by} | `{each.test}` |\n"
    return text + NOT_SHOWN


if __name__ == "__main__":
    DOCUMENT.write_text(document())
