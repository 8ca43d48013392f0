"""The services of the audit record: producers, streams, sequencer, witness, tamper watch."""
