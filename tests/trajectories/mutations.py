"""Small valid files of every format, and ways to damage them; also run as a program.

As a program (``mutations.py FOLDER FORMAT COUNT SEED``) it reads `COUNT` damaged files, in a
process of its own with little memory, and ends with the first that takes too long or raises
anything but one of the package's own errors.
"""

from __future__ import annotations

import bz2
import faulthandler
import gzip
import io
import lzma
import pickle
import re
import resource
import sys
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import gsd.hoomd
import numpy as np

from gnnglass.errors import GnnglassError, GnnglassWarning, InputError
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Trajectory, read, write

MEMORY = 4 << 30
SECONDS_PER_FILE = 10
N = 27
EDGE = (N / 1.2) ** (1 / 3)
#: What a number in a text is replaced with.
NUMBERS = [b"0", b"-1", b"99999999999", b"1e308", b"nan", b"-inf", b"9" * 400, b"1_0", b"", b"2.5"]

Content = bytes | dict[str, bytes]


def positions(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, EDGE, (N, 3)) * 0.999 + 1e-4


def hoomd(folder: Path) -> bytes:
    with gsd.hoomd.open(folder / "hoomd.gsd", "w") as file:
        for step in range(3):
            frame = gsd.hoomd.Frame()
            frame.configuration.step = step
            frame.configuration.box = [4, 5, 6, 0, 0, 0]
            frame.particles.N = N
            frame.particles.position = positions(step) - 2
            frame.particles.image = np.ones((N, 3))
            file.append(frame)
    return (folder / "hoomd.gsd").read_bytes()


def ours(folder: Path) -> bytes:
    snapshot = example_snapshot(2, 16).with_fields(u=np.arange(16.0))
    write(folder / "ours.gsd", Trajectory([snapshot, snapshot.replace(step=9)], {"run": "r"}))
    return (folder / "ours.gsd").read_bytes()


def dump() -> bytes:
    frame = (
        "ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n4\nITEM: BOX BOUNDS pp pp pp\n"
        "0 3\n0 3\n0 3\n"
        "ITEM: ATOMS id type x y z ix iy iz u\n2 1 0.1 0.2 0.3 0 1 0 .5\n1 2 1.1 0.2 0.3 0 0 -1 7\n"
        "3 1 0.1 1.2 0.3 0 0 0 1e-3\n4 1 2.1 0.2 2.3 0 0 0 1\n"
    )
    return (frame.format(step=0) + frame.format(step=100)).encode()


def data() -> bytes:
    return (
        b"LAMMPS data file via write_data, version 22 Jul 2025, timestep = 700, units = lj\n\n"
        b"4 atoms\n2 atom types\n\n0 4 xlo xhi\n-1 3 ylo yhi\n-0.5 0.5 zlo zhi\n\n"
        b"Atom Type Labels\n\n1 A\n2 Big\n\nMasses\n\n1 1\n2 1\n\nPair Coeffs # lj/cut\n\n1 1 1\n\n"
        b"Atoms # atomic\n\n2 1 0.5 0 0 0 0 0\n1 2 1.5 0 0 1 -1 0\n3 2 2.5 1 0 0 0 0\n"
        b"4 1 0 2 0 0 0 0\n"
        b"\nVelocities\n\n1 0 0 0\n2 1 1 0\n3 0 0 0\n4 1 1 0\n"
    )


def extxyz() -> bytes:
    frame = (
        '3\nLattice="4.0 0.0 0.0 0.0 4.0 0.0 0.0 0.0 5.0" Properties=species:S:1:pos:R:3:id:I:1:'
        'force:R:3:energy:R:1 step={step} pbc="T T T" name={{a b}}\nA 0 0 0 2 1 1 1 -0.5\n'
        "B 1 2 3 1 0 0 0 1e-3\nA 1 1 1 3 0 0 0 0\n"
    )
    return (frame.format(step=0) + frame.format(step=5)).encode()


def yaml() -> bytes:
    frame = (
        "---\ncreator: LAMMPS\ntimestep: {step}\nunits: lj\ntime: {step}.5\nnatoms: 4\n"
        "boundary: [ p, p, p, p, p, p, ]\nthermo:\n  - keywords: [ Step, Temp, ]\n"
        "  - data: [ {step}, 1.5, ]\nbox:\n  - [ 0, 3 ]\n  - [ 0, 3 ]\n  - [ 0, 3 ]\n"
        "keywords: [ id, type, element, x, y, z, ix, iy, iz, u,  ]\ndata:\n"
        "  - [ 2 , 1 , Cu , 0.1 , 0.2 , 0.3 , 0 , 1 , 0 , .5, ]\n"
        "  - [ 1 , 2 , Zr , 1.1 , 0.2 , 0.3 , 0 , 0 , -1 , 7, ]\n"
        "  - [ 3 , 1 , Cu , 0.1 , 1.2 , 0.3 , 0 , 0 , 0 , 1e-3, ]\n"
        "  - [ 4 , 1 , Cu , 2.1 , 0.2 , 2.3 , 0 , 0 , 0 , 1, ]\n...\n"
    )
    return (frame.format(step=0) + frame.format(step=100)).encode()


def atooms() -> bytes:
    frame = (
        "3\nstep:{step} columns:species,position,velocity,radius dt:0.002 cell:4.0,4.0,5.0 "
        "mass:1.5\n"
        "A 0 0 0 1 1 -0.5 0.5\nB 1 2 3 0 0 1e-3 0.4\nA 1 1 1 0 0 0 0.5\n"
    )
    return (frame.format(step=0) + frame.format(step=5)).encode()


def rumd() -> bytes:
    frame = (
        "3\nioformat=2 timeStepIndex={step} numTypes=2 integrator=IntegratorNVT,0.005,1.0 "
        "sim_box=RectangularSimulationBox,4.0,4.0,5.0 mass=1,2 columns=type,x,y,z,imx,imy,imz,pe\n"
        "0 0 0 0 1 1 -2 0.5\n1 1 -1 1.5 0 0 0 1e-3\n0 1 1 1 0 0 0 0\n"
    )
    return (frame.format(step=0) + frame.format(step=5)).encode()


def plain_xyz() -> bytes:
    frame = " 3\n Atoms. Timestep: {step}\n1 0 0 0 7\n2 1 2 3 8\n1 1 1 1 9\n"
    return (frame.format(step=0) + frame.format(step=5)).encode()


def npz(**arrays: np.ndarray) -> dict[str, bytes]:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    with zipfile.ZipFile(stream) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def botan() -> dict[str, bytes]:
    start = positions()
    return npz(
        types=np.arange(N, dtype=np.int8) % 2,
        initial_positions=start,
        positions=start + np.ones((3, N, 3)),
    )


def glassbench_configuration() -> dict[str, bytes]:
    return npz(
        types=np.arange(N, dtype=np.int8) % 2,
        initial_positions=(positions() - EDGE / 2).astype(np.float32),
        md_prop=np.ones((2, N)),
        bb_prop=np.zeros((2, N), dtype=np.float32),
        SE3=np.arange(2.0 * N).reshape(2, N),
    )


def glassbench_runs() -> dict[str, bytes]:
    start = positions()[:, :2]
    return npz(
        types=np.arange(N, dtype=np.int8) % 3,
        initial_positions=start,
        box=np.array(9.0),
        positions=start + np.zeros((4, N, 2)),
    )


def deepmind(protocol: int) -> bytes:
    targets = [[positions(10 * time + run) for run in range(2)] for time in range(3)]
    return pickle.dumps(
        {
            "positions": positions(),
            "types": np.arange(N, dtype=np.int32) % 2,
            "box": np.full(3, EDGE),
            "time": [0.0, 0.003, 0.03, 1.5],
            "time_indices": [3, 1, 2],
            "is_values": np.array([0.1, 0.9, np.float64(0.5)]),
            "metadata": {
                "temperature": 0.44,
                "pressure": np.float64(2.93),
                "fluid": "Kob Andersen",
            },
            "trajectory_target_positions": targets,
        },
        protocol=protocol,
    )


def samples(folder: Path) -> dict[str, list[Content]]:
    """Contents of valid files by the name of their format; zip files as their members."""
    return {
        "botan": [botan()],
        "deepmind": [deepmind(3), deepmind(5)],
        "extxyz": [extxyz()],
        "glassbench": [glassbench_configuration(), glassbench_runs()],
        "gsd": [ours(folder), hoomd(folder)],
        "lammps-data": [data()],
        "lammps-dump": [dump()],
        "lammps-yaml": [yaml()],
        "xyz": [atooms(), rumd(), plain_xyz()],
    }


def loaded(path: Path) -> Trajectory:
    """The trajectory in a file, which is given a box if it states none."""
    try:
        return read(path)
    except InputError as error:
        if "it states no box" not in str(error):
            raise
        return read(path, box=[4, 4, 5])


def packed(content: Content, rng: np.random.Generator | None = None) -> bytes:
    """A file of this content; with a generator, members may be compressed."""
    if isinstance(content, bytes):
        return content
    stream = io.BytesIO()
    method = rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]) if rng else zipfile.ZIP_STORED
    with zipfile.ZipFile(stream, "w", int(method)) as archive:
        for name, member in content.items():
            archive.writestr(name, member)
    return stream.getvalue()


def flip(content: bytearray, rng: np.random.Generator) -> None:
    for at in rng.integers(0, len(content), rng.integers(1, 9)):
        content[at] ^= 1 << int(rng.integers(8))


def truncate(content: bytearray, rng: np.random.Generator) -> None:
    del content[int(rng.integers(1, len(content) + 1)) :]


def insert(content: bytearray, rng: np.random.Generator) -> None:
    at = int(rng.integers(len(content) + 1))
    content[at:at] = rng.bytes(int(rng.integers(1, 20)))


def delete(content: bytearray, rng: np.random.Generator) -> None:
    at = int(rng.integers(len(content)))
    del content[at : at + int(rng.integers(1, 40))]


def splice(content: bytearray, rng: np.random.Generator) -> None:
    start, length, at = rng.integers(len(content), size=3)
    content[at:at] = content[start : start + length % 200]


def renumber(content: bytearray, rng: np.random.Generator) -> None:
    found = list(re.finditer(rb"\d+", content))
    if found:
        match = found[int(rng.integers(len(found)))]
        content[match.start() : match.end()] = NUMBERS[int(rng.integers(len(NUMBERS)))]


DAMAGES: list[Callable[[bytearray, np.random.Generator], None]] = [
    flip, truncate, insert, delete, splice, renumber, renumber,
]  # fmt: skip


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """The same content with one, two or three kinds of damage."""
    changed = bytearray(content)
    for _ in range(int(rng.choice([1, 1, 2, 3]))):
        if changed:
            DAMAGES[int(rng.integers(len(DAMAGES)))](changed, rng)
    return bytes(changed)


PACKERS: list[Callable[[bytes], bytes]] = [gzip.compress, bz2.compress, lzma.compress]


def damaged_files(contents: list[Content], count: int, seed: int) -> Iterator[bytes]:
    """Damaged files; what is packed is damaged before or after packing."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        content = contents[number % len(contents)]
        if isinstance(content, bytes) and rng.random() < 0.15:
            yield PACKERS[int(rng.integers(len(PACKERS)))](damaged(content, rng))
        elif isinstance(content, bytes) and rng.random() < 0.1:
            yield damaged(PACKERS[int(rng.integers(len(PACKERS)))](content), rng)
        elif isinstance(content, bytes) or rng.random() < 0.3:
            yield damaged(packed(content, rng), rng)
        else:
            name = str(rng.choice(list(content)))
            member = content[name]
            if rng.random() < 0.4:
                values = bytearray(member)
                flip(values, rng)
                yield packed({**content, name: bytes(values)}, rng)
            else:
                # Most of a member is numbers, which may be anything; its header is what to hit.
                cut = 128 if rng.random() < 0.7 else len(member)
                yield packed({**content, name: damaged(member[:cut], rng) + member[cut:]}, rng)


def warned(message: Warning | str, *_: object, **__: object) -> None:
    raise SystemExit(f"a warning: {message}")


def main(folder: Path, name: str, count: int, seed: int) -> None:
    contents = samples(folder)[name]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    target = folder / "damaged"
    refused, longest = 0, 0.0
    warnings.simplefilter("always")
    warnings.simplefilter("ignore", GnnglassWarning)
    warnings.showwarning = warned
    for content in damaged_files(contents, count, seed):
        target.write_bytes(content)
        faulthandler.dump_traceback_later(SECONDS_PER_FILE, exit=True)
        start = time.perf_counter()
        try:
            list(loaded(target))
        except GnnglassError as error:
            refused += 1
            assert "\n" not in str(error), error
        longest = max(longest, time.perf_counter() - start)
    faulthandler.cancel_dump_traceback_later()
    print(refused, count - refused, f"{longest:.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
