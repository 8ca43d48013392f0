"""What replay runs: decoding, book synchronisation, the engine, the paper venue; nothing else."""
