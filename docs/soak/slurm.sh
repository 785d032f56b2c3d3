#!/bin/sh
# A soak of a million seeds as a Slurm array job. Each task takes its part of the seeds by itself:
#   sbatch docs/soak/slurm.sh
# Afterwards, in the same folder:
#   cargo xtask soak --merge target/soak-*-of-*.json
#SBATCH --job-name=raft-soak
#SBATCH --array=0-99
#SBATCH --cpus-per-task=8
#SBATCH --mem-per-cpu=1G
#SBATCH --time=04:00:00
#SBATCH --output=soak-%a.log
set -eu
cd "$SLURM_SUBMIT_DIR"
# Built once before: `cargo build -p xtask`. Tasks must not build at the same time.
exec "${CARGO_TARGET_DIR:-target}/debug/xtask" soak --seeds 0..1000000 --jobs "$SLURM_CPUS_PER_TASK"
