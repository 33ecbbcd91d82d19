"""When a command is ended, its child processes end too."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

SERVER = "import subprocess, sys, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"
PARENT = f"""
import os, sys
from harness.errors import run_command
from harness.processes import run_to_the_end
run_command(lambda: sys.exit(run_to_the_end([sys.executable, "-c", {SERVER!r}], os.environ)))
"""
STARTER = """
import subprocess, time
from harness.errors import run_command
def main():
    print(subprocess.Popen(["sleep", "60"]).pid, flush=True)
    time.sleep(60)
run_command(main)
"""

POOL = """
import multiprocessing, time
from concurrent.futures import ProcessPoolExecutor
from harness.errors import run_command
from harness.processes import end_children, serve_parent
def main():
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(1, mp_context=context, initializer=serve_parent) as pool:
        pool.submit(int).result()
        print(*pool._processes, flush=True)
        try:
            pool.submit(time.sleep, 60).result()
        except KeyboardInterrupt:
            end_children()
            raise
if __name__ == "__main__":
    run_command(main)
"""

JOB = """
import sys, time
from harness.processes import end_with
end_with(int(sys.argv[1]))
print("ready", flush=True)
time.sleep(60)
"""
CONTROLLER = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {JOB!r}, sys.argv[1]])"
HEAD = f"""
import os, subprocess, sys
controller = subprocess.Popen([sys.executable, "-c", {CONTROLLER!r}, str(os.getpid())])
controller.wait()
"""


def ends(pid: int, seconds: float = 20) -> bool:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    ("script", "number"),
    [
        *((PARENT, number) for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGHUP)),
        *((STARTER, number) for number in (signal.SIGTERM, signal.SIGHUP)),
    ],
)
def test_the_children_end_with_the_command(script, number):
    command = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    child = int(command.stdout.readline())
    assert psutil.pid_exists(child)
    command.send_signal(number)
    command.communicate(timeout=20)
    assert ends(child)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_worker_ends_with_its_command_and_leaves_ctrl_c_to_it(number):
    command = subprocess.Popen(
        [sys.executable, "-c", POOL],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        start_new_session=True,
    )
    worker = int(command.stdout.readline())
    if number == signal.SIGINT:
        os.killpg(command.pid, number)  # as a terminal does
    else:
        command.send_signal(number)
    assert ends(worker)
    _, said = command.communicate(timeout=20)
    assert "Traceback" not in said
    assert (said == "interrupted\n") == (number == signal.SIGINT)


def test_a_job_ends_with_the_sweep_whose_controller_would_let_it_go_on():
    """The controller is submitit's process between the two, which nothing tells that the sweep was killed."""
    head = subprocess.Popen([sys.executable, "-c", HEAD], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    assert head.stdout.readline() == "ready\n"
    controller, job = psutil.Process(head.pid).children(recursive=True)
    assert not ends(job.pid, 1.5)
    head.kill()
    head.wait()
    assert ends(job.pid, 10)
    assert ends(controller.pid, 10)
    head.stdout.close()
