import pytest
from command import gnnglass

SHORT = ("--n-particles=144", "--kT-melt=1.5", "--melt-steps=200", "--hold-steps=100")
FRAMES = ("--n-frames=2", "--frame-interval=50")


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Folder of three liquids and three glasses: ``liquid-0.gsd``, ``liquid-0.inherent.gsd`` …"""
    folder = tmp_path_factory.mktemp("runs")
    for phase, kT in (("liquid", 1.5), ("glass", 0.2)):
        for k in range(3):
            out = folder / f"{phase}-{k}.gsd"
            options = (
                f"--kT={kT}",
                f"--seed={2 * k + (phase == 'glass')}",
                f"--phase={phase}",
                "--inherent",
            )
            done = gnnglass("simulate", "kam2d", "-o", out, *options, *SHORT, *FRAMES)
            assert done.code == 0, done.err
    return folder


@pytest.fixture(scope="session")
def classifier(runs):
    """A graph network that tells inherent structures of liquids and glasses apart, or tries."""
    out = runs / "gnn.safetensors"
    files = sorted(runs.glob("*.inherent.gsd"))
    done = gnnglass("train", *files, "-o", out, "--epochs=2")
    assert done.code == 0, done.err
    assert "inherent level, AUC" in done.out and "2 held-out runs" in done.out
    return out
