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
import os
import sys


def main() -> int:
    """Exit status: 0 done, 1 a cell failed, 2 a mistake to be mended, 130 interrupted."""
    gc.disable()  # looking is short-lived; what runs cells turns the collector on again
    from lightning_modules.variant import VariantError
    from sweeps.cli import command
    from sweeps.errors import UserError

    try:
        return command(sys.argv[1:])
    except (UserError, VariantError) as error:
        for problem in str(error).splitlines():
            print(f"error: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130
    except BrokenPipeError:  # its reader, such as head, has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
