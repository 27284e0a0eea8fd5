"""A /dev/shm without room: an error at creation with both figures, nothing left of the attempt, and no SIGBUS later.

The programs run with a small /dev/shm of their own, in a mount namespace; an ordinary user gets one inside a user
namespace. Where the kernel grants neither, a limit on file sizes still shows the first of them.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys

import pytest

from tests.ringbuf.variants import Mutant, Mutation, Variants, is_seen

OWN_NAMESPACE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
SMALL = 'mount -t tmpfs -o size=1m tmpfs /dev/shm && exec "$@"'
PRELUDE = """if True:
    import os, resource, sys, numpy, ringbuf
    SHM = "/dev/shm"
    def refused(make):
        try:
            make()
        except ringbuf.NoSpace as error:
            assert "\\n" not in str(error), error
            return str(error)
        raise SystemExit("it was made without room for it")
    def use_every_byte(name, size):
        with ringbuf.LatestWriter(name) as writer, ringbuf.LatestReader(name) as reader:
            for value in range(1, 9):
                writer.claim(size)[:] = value
                writer.commit(size)
                assert reader.acquire().tolist() == [value] * size
"""

TOO_LARGE = """
    message = refused(lambda: ringbuf.create_latest("ring.a", 300_000))
    assert message.startswith("ring ring.a needs 12") and "/dev/shm has 1048576 free; make the ring smaller" in message
    assert os.listdir(SHM) == []
    with ringbuf.create_latest("ring.b", 200_000) as segment:
        assert os.statvfs(SHM).f_bavail * 4096 < 1048576 - 800_000, "it was not reserved"
        message = refused(lambda: ringbuf.create_history("ring.c", 200_000, 16000))
        assert "ring ring.c needs" in message and os.listdir(SHM) == ["ring.b"]
        use_every_byte("ring.b", 200_000)
    assert os.listdir(SHM) == []
    with ringbuf.create_history("ring.c", 200_000, 16000):
        pass
"""

# Somebody else takes the room between the look at what is free and the reservation.
TAKEN_MEANWHILE = """
    def take_the_rest(event, arguments):
        if event == "os.truncate" and not taken:
            taken.append(True)
            with open(f"{SHM}/other", "wb") as other:
                other.write(bytes(600_000))
    taken = []
    sys.addaudithook(take_the_rest)
    message = refused(lambda: ringbuf.create_latest("ring.a", 200_000))
    assert message.startswith("ring ring.a needs 8") and "has 4" in message, message
    assert os.listdir(SHM) == ["other"]
    with ringbuf.create_latest("ring.a", 100_000):
        use_every_byte("ring.a", 100_000)
    os.unlink(f"{SHM}/other")
    with ringbuf.create_latest("ring.a", 200_000):
        use_every_byte("ring.a", 200_000)
    assert os.listdir(SHM) == []
"""

FILE_LIMIT = """
    name = sys.argv[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, resource.RLIM_INFINITY))
    assert f"ring {name} needs 8" in refused(lambda: ringbuf.create_latest(name, 200_000))
    assert not os.path.exists(f"{SHM}/{name}")
    with ringbuf.create_latest(name, 100_000):
        use_every_byte(name, 100_000)
    assert not os.path.exists(f"{SHM}/{name}")
    print("done")
"""


def outcome(*command: str) -> tuple[int, str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@functools.cache
def why_no_namespace() -> str:
    status, said = outcome(*OWN_NAMESPACE, "sh", "-c", SMALL, "sh", "true")
    return said if status else ""


@pytest.mark.parametrize("program", [TOO_LARGE, TAKEN_MEANWHILE], ids=["too-large", "taken-meanwhile"])
def test_a_full_shm_is_an_error_at_creation_and_leaves_nothing(program: str) -> None:
    if why_no_namespace():
        pytest.skip(f"no /dev/shm of its own to be had here: {why_no_namespace()}")
    shell = [*OWN_NAMESPACE, "sh", "-c", SMALL, "sh"]
    status, said = outcome(*shell, sys.executable, "-c", PRELUDE + program)
    assert status == 0, said
    assert said == ""


def test_a_file_that_may_not_grow_is_an_error_at_creation_and_leaves_nothing(prefix: str) -> None:
    # Not the whole output: when it cannot give the file its size, SharedMemory lets its tracker forget what the tracker
    # was never told, and the tracker complains of that.
    status, said = outcome(sys.executable, "-c", PRELUDE + FILE_LIMIT, f"{prefix}.x")
    assert (status, said[:5]) == (0, "done\n"), said


MUTANTS = {
    "nothing is reserved": Mutant(
        Mutation("segment.py", "os.posix_fallocate(file.fd, 0, size)", "pass"),
        "test_shm_full.py::test_a_full_shm_is_an_error_at_creation_and_leaves_nothing[taken-meanwhile]",
        "it was made without room for it",
    ),
    "a ring that could not be reserved stays": Mutant(
        Mutation(
            "segment.py",
            "    except OSError as error:\n        segment.unlink()\n",
            "    except OSError as error:\n        segment.close()\n",
        ),
        "test_shm_full.py::test_a_full_shm_is_an_error_at_creation_and_leaves_nothing[taken-meanwhile]",
        "AssertionError",
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_is_seen(variants: Variants, mutant: str) -> None:
    is_seen(variants, mutant, MUTANTS[mutant])
