"""Whatever happens to a file of a finished study, the same command ends with the same figures."""

import json
import random
import shutil

import pytest
from tiny_study import TINY

from gnnglass.errors import GnnglassError
from gnnglass.study import Study, run_study

#: What each part of a study leaves, and how often it is damaged of 200 times.
FILES = {
    "stages/*.json": 40,
    "runs/runs.json": 8,
    "runs/.signac/config": 6,
    "runs/workspace/*/signac_statepoint.json": 10,
    "runs/workspace/*/signac_job_document.json": 10,
    "runs/workspace/*/thermal.gsd": 16,
    "runs/workspace/*/inherent.gsd": 12,
    "dynamics/runs.json": 8,
    "dynamics/.signac/config": 4,
    "dynamics/starts/*.gsd": 8,
    "dynamics/workspace/*/signac_statepoint.json": 8,
    "dynamics/workspace/*/signac_job_document.json": 8,
    "dynamics/workspace/*/thermal.gsd": 14,
    "classifiers/*.safetensors": 16,
    "annotated/*.gsd": 12,
    "compared/*.gsd": 10,
    "results.json": 8,
    "report.html": 6,
}
HARMS = {
    "a byte": lambda content, rng: flipped(content, rng.randrange(len(content)), rng.randrange(8)),
    "cut": lambda content, rng: content[: rng.randrange(len(content))],
    "emptied": lambda content, rng: b"",
}


def flipped(content, place, bit):
    return content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]


def figures(folder):
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    # A developer may commit between the two.
    return {key: results[key] for key in results.keys() - {"timings", "provenance"}}


def outcome(finished, folder, harm_files):
    """``same`` or the sentence that the command ends in, after some files were harmed."""
    shutil.copytree(finished, folder)
    harm_files(folder)
    try:
        run_study(Study.from_dict(TINY), folder, workers=2, device="cpu")
    except GnnglassError as error:
        assert "\n" not in str(error).rstrip() and str(error).endswith("."), str(error)
        return str(error)
    assert figures(folder) == figures(finished)
    kept = ("classifiers/*", "annotated/*", "compared/*", "*/workspace/*/*.gsd")
    for path in (path for pattern in kept for path in finished.glob(pattern)):
        assert (folder / path.relative_to(finished)).read_bytes() == path.read_bytes(), path
    return "same"


def damaged(finished, folder, pattern, k, harm):
    rng = random.Random(f"{pattern} {k} {harm}")

    def do(place):
        files = sorted(place.glob(pattern))
        path = files[k % len(files)]
        path.write_bytes(HARMS[harm](path.read_bytes(), rng))

    return outcome(finished, folder, do)


#: Some of each kind, of those that are mended within a second or so.
QUICK = [
    *[(f"stages/{name}.json", 0, "a byte") for name in ("check", "simulate", "judge-thermal")],
    ("stages/compare.json", 0, "cut"),
    ("runs/workspace/*/signac_statepoint.json", 1, "a byte"),
    ("runs/workspace/*/inherent.gsd", 0, "a byte"),
    ("dynamics/starts/*.gsd", 0, "emptied"),
    ("annotated/*.gsd", 1, "a byte"),
    ("compared/*.gsd", 0, "cut"),
    ("results.json", 0, "a byte"),
]


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(("pattern", "k", "harm"), QUICK)
def test_damage_is_mended_by_the_same_command(finished, tmp_path, pattern, k, harm):
    assert damaged(finished, tmp_path / "study", pattern, k, harm) == "same"


@pytest.mark.parametrize("place", ["runs", "dynamics"])
def test_a_list_of_runs_that_is_no_list_is_one_sentence(finished, tmp_path, place):
    said = damaged(finished, tmp_path / "study", f"{place}/runs.json", 0, "emptied")
    assert "plan the runs again; finished runs will be found" in said


def test_a_split_that_was_edited_is_not_used(finished, tmp_path):
    def edit(folder):
        record = folder / "stages" / "check.json"
        content = json.loads(record.read_text(encoding="utf-8"))
        train, test = content["result"]["train"], content["result"]["test"]
        train[0], test[0] = test[0], train[0]
        record.write_text(json.dumps(content, indent=1), encoding="utf-8")

    assert outcome(finished, tmp_path / "study", edit) == "same"


@pytest.mark.validate
@pytest.mark.parametrize("pattern", FILES)
def test_damage_two_hundred_times(finished, tmp_path, pattern):
    said = []
    for k in range(FILES[pattern]):
        harm = ("a byte", "cut", "a byte", "emptied")[k % 4]
        said.append(damaged(finished, tmp_path / str(k), pattern, k, harm))
        shutil.rmtree(tmp_path / str(k))
    refused = [one for one in said if one != "same"]
    print(f"{pattern}: {len(said)} tries, {len(refused)} of them refused", *set(refused), sep="\n")
    # Lists of runs and signac's own file say what nobody else knows.
    assert not refused or pattern.endswith(("runs.json", ".signac/config"))
