"""Bring up the daemons of a cluster in a folder, each after those that it needs."""

from __future__ import annotations

import os
import pwd
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.slurm import daemons
from tests.slurm.commands import answer, command, wait
from tests.slurm.config import write_configuration

START_S = 30.0


def launch(folder: Path, nodes: Sequence[str], *, accounting: bool) -> None:
    """Return when every node is idle.

    Raises:
        TimeoutError: a daemon did not come up; the message says what all of them wrote.
    """
    write_configuration(folder, nodes, accounting=accounting)
    _munge(folder)
    if accounting:
        _database(folder)
        _accounts(folder)
    start_controller(folder)
    for name in nodes:
        start_node(folder, name)
    idle = ("sinfo", "--noheader", "--Node", "--states=idle", "--partition=main")
    env = daemons.environment(folder)
    _wait(folder, "nodes", lambda: len(answer(env, *idle).splitlines()) == len(nodes))


def start_controller(folder: Path) -> None:
    """Start slurmctld; returns when it answers."""
    daemons.start(folder, "slurmctld", "slurmctld", "-D")
    _wait(folder, "slurmctld", lambda: answer(daemons.environment(folder), "sinfo"))


def start_node(folder: Path, name: str) -> None:
    """Start the slurmd of a node; its jobs leave the processor to what is no node here."""
    daemons.start(folder, name, "nice", "-n", "15", "slurmd", "-D", "-N", name)


def _munge(folder: Path) -> None:
    (folder / "munge.key").touch(mode=0o600)
    (folder / "munge.key").write_bytes(secrets.token_bytes(128))
    places = {"key-file": "key", "socket": "socket", "pid-file": "pid", "seed-file": "seed"}
    options = [f"--{option}={folder}/munge.{end}" for option, end in places.items()]
    log = f"--log-file={folder}/munge.log"
    daemons.start(folder, "munged", "munged", "--foreground", "--force", log, *options)
    _wait(folder, "munged", (folder / "munge.socket").exists)


def _database(folder: Path) -> None:
    """MariaDB in the folder, without a network, for root alone.

    At its start it removes every MariaDB's temporary tables from a temporary folder that it shares.
    """
    (folder / "scratch").mkdir()
    common = f"--no-defaults --user=root --datadir={folder}/database --tmpdir={folder}/scratch"
    install = f"mariadb-install-db {common} --auth-root-authentication-method=socket"
    files = f"--socket={folder}/mariadb.socket --pid-file={folder}/mariadb.pid"
    serve = f"exec mariadbd {common} {files} --skip-networking --innodb-buffer-pool-size=64M"
    daemons.start(folder, "mariadb", "sh", "-c", f"{install} --skip-test-db && {serve}")
    _wait(folder, "MariaDB", (folder / "mariadb.socket").exists)


def _accounts(folder: Path) -> None:
    """slurmdbd, and the account ``lab`` of this user."""
    env = daemons.environment(folder)
    daemons.start(folder, "slurmdbd", "slurmdbd", "-D")
    _wait(folder, "slurmdbd", lambda: answer(env, "sacctmgr", "show", "user"))
    user = pwd.getpwuid(os.geteuid()).pw_name
    for words in (
        "add cluster triptych",
        "add account lab Description=lab Organization=lab",
        f"add user {user} Account=lab",
        f"modify user {user} set DefaultAccount=lab",
    ):
        command(env, "sacctmgr", "-i", *words.split())


def _wait(folder: Path, what: str, condition: Callable[[], object]) -> None:
    try:
        wait(condition, START_S, what)
    except TimeoutError as error:
        raise TimeoutError(f"{error}\n{daemons.last_words(folder)}") from None
