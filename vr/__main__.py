"""`python -m vr`, which is `vr`; so it is found by torchrun: `torchrun --nproc-per-node 2 -m vr eval RUN`."""

from vr.cli.program import program

if __name__ == "__main__":
    program()
