"""Triptych's only entry point: one cell, or what `do=` says about a sweep.

python run.py backbone=resnet20 attention=se attention.reduction=8 data=digits
python run.py -m attention=se,eca seed=0,1
python run.py do=plan|sweep|status|retry|cancel|report sweep=demo
python run.py do=analyze sweep=demo analysis=all
python run.py do=report source=wandb://team/triptych sweep=demo
python run.py do=publish|dashboard sweep=demo        python run.py do=browse
python run.py do=logs key=7f3fa4
python run.py do=list        python run.py do=cost backbone=resnet164 attention=dia
"""

from __future__ import annotations

import gc
import io
import os
import sys


def main() -> int:
    """Exit status: 0 done, 1 a cell has failed or a damaged record, 2 a mistake to be mended, 130
    interrupted."""
    gc.disable()  # looking is short-lived; what runs cells turns the collector on again
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a letter that it lacks is no reason to stop
    try:
        status = _command(sys.argv[1:])
        print(end="", flush=True)
    except KeyboardInterrupt as stop:
        print("; ".join(["interrupted", *map(str, stop.args)]), file=sys.stderr)
        return 130
    except BrokenPipeError:  # its reader, such as head, has left
        _silence()
        return 0
    except OSError as error:
        if _can_print():
            raise
        _silence()
        print(
            f"error: cannot write to standard output ({error.strerror}); send it elsewhere, or "
            "free space",
            file=sys.stderr,
        )
        return 2
    return status


def _command(arguments: list[str]) -> int:
    """Do what the arguments ask; a person's mistake is told, one problem a line."""
    from lightning_modules.variant import VariantError
    from sweeps.cli import command
    from sweeps.errors import UserError

    try:
        return command(arguments)
    except (UserError, VariantError) as error:
        for problem in str(error).splitlines():
            print(f"error: {problem}", file=sys.stderr)
        return 2


def _can_print() -> bool:
    try:
        print(flush=True)
    except OSError:
        return False
    return True


def _silence() -> None:
    """Let what is still to be printed go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    status = main()
    if not gc.isenabled():
        gc.freeze()  # the interpreter would look through all that is left, for nothing
    sys.exit(status)
