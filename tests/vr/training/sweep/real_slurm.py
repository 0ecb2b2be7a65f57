"""A real Slurm on this machine: munged, slurmctld and slurmd of Debian's packages; one node of two CPUs."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol")


def missing() -> list[str]:
    """Programs that are not here; the daemons are in a folder that only root has in its path."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    return [name for name in PROGRAMS if shutil.which(name, path=path) is None]


class Slurm:
    """The daemons, with all of their files in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pids = [folder / "slurmd.pid", folder / "slurmctld.pid", folder / "munge" / "pid"]
        self.config = folder / "slurm.conf"
        self.environment = {
            **os.environ,
            "SLURM_CONF": str(self.config),
            "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin",
        }

    def start(self) -> None:
        munge = self._folder / "munge"
        munge.mkdir(mode=0o700)
        key = munge / "key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        files = {"key-file": key, "socket": munge / "socket", "pid-file": munge / "pid"}
        files |= {"log-file": munge / "log", "seed-file": munge / "seed"}
        self._call("munged", "--force", *(f"--{name}={path}" for name, path in files.items()))
        self.config.write_text(self._configuration())
        for name in ("state", "spool"):
            (self._folder / name).mkdir()
        self._call("slurmctld", "-c")
        self._call("slurmd", "-c")
        until = time.monotonic() + 60
        while "idle" not in self._call("sinfo", "-h", "-o", "%t", check=False):
            if time.monotonic() > until:
                raise TimeoutError((self._folder / "slurmctld.log").read_text()[-2000:])
            time.sleep(0.2)

    def stop(self) -> None:
        for file in self._pids:
            if file.is_file():
                os.kill(int(file.read_text()), signal.SIGTERM)

    def call(self, *words: str) -> str:
        """The output of a command of Slurm's."""
        return self._call(*words)

    def _call(self, *words: str, check: bool = True) -> str:
        ended = subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=60)
        if check and ended.returncode:
            raise RuntimeError(f"{words}: {ended.stdout}{ended.stderr}")
        return ended.stdout

    def _configuration(self) -> str:
        host = socket.gethostname().split(".")[0]
        folder, ports = self._folder, _free_ports(2)
        values = {
            "ClusterName": "here",
            "SlurmctldHost": f"{host}(127.0.0.1)",
            "SlurmctldPort": ports[0],
            "SlurmdPort": ports[1],
            "AuthType": "auth/munge",
            "AuthInfo": f"socket={folder}/munge/socket",
            "CredType": "cred/munge",
            "SlurmUser": "root",
            "SlurmdUser": "root",
            "StateSaveLocation": folder / "state",
            "SlurmdSpoolDir": folder / "spool",
            "SlurmctldPidFile": self._pids[1],
            "SlurmdPidFile": self._pids[0],
            "SlurmctldLogFile": folder / "slurmctld.log",
            "SlurmdLogFile": folder / "slurmd.log",
            "ProctrackType": "proctrack/linuxproc",
            "TaskPlugin": "task/none",
            "JobAcctGatherType": "jobacct_gather/none",
            "AccountingStorageType": "accounting_storage/none",
            "SelectType": "select/cons_tres",
            "SelectTypeParameters": "CR_Core",
            "MpiDefault": "none",
            "SwitchType": "switch/none",
            "ReturnToService": 2,
            "KillWait": 5,
            "SchedulerParameters": "sched_interval=2",
        }
        lines = [f"{key}={value}" for key, value in values.items()]
        lines.append(
            f"NodeName={host} NodeAddr=127.0.0.1 CPUs=2 Boards=1 SocketsPerBoard=1 CoresPerSocket=2 "
            "ThreadsPerCore=1 RealMemory=2000 State=UNKNOWN"
        )
        lines.append("PartitionName=short Nodes=ALL Default=YES MaxTime=INFINITE State=UP")
        return "\n".join(lines) + "\n"


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
