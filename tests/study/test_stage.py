import ast
import json

import pytest
from tiny_study import TINY

from gnnglass import _records
from gnnglass.errors import FileError, InputError
from gnnglass.study import Study, pipeline
from gnnglass.study.stages import Stages
from gnnglass.study.workspace import Workspace, deal


class Work:
    """Counts how often it is done, and leaves a file."""

    def __init__(self, product=None):
        self.product = product
        self.digests = []

    def __call__(self, digest):
        self.digests.append(digest)
        if self.product is not None:
            self.product.write_text(digest)
        return {"times": len(self.digests)}


@pytest.fixture
def product(tmp_path):
    return tmp_path / "product.txt"


def test_done_once(tmp_path, product):
    work = Work(product)
    for _ in range(3):
        result = Stages(tmp_path).run("melt", work, depends_on={"kT": 1}, products=[product])
        assert result == {"times": 1}
    assert len(work.digests) == 1


@pytest.mark.parametrize("changed", [{"kT": 2}, {"kT": 1, "steps": 3}, [1], None])
def test_done_again_for_other_inputs(tmp_path, changed):
    work = Work()
    Stages(tmp_path).run("melt", work, depends_on={"kT": 1})
    Stages(tmp_path).run("melt", work, depends_on=changed)
    first, second = work.digests
    assert first != second


def test_the_order_of_keys_is_no_change(tmp_path):
    work = Work()
    Stages(tmp_path).run("melt", work, depends_on={"a": 1, "b": 2})
    Stages(tmp_path).run("melt", work, depends_on={"b": 2, "a": 1})
    assert len(work.digests) == 1


def test_done_again_when_a_product_is_lost(tmp_path, product):
    work = Work(product)
    Stages(tmp_path).run("melt", work, products=[product])
    product.unlink()
    Stages(tmp_path).run("melt", work, products=[product])
    assert len(work.digests) == 2
    assert product.is_file()


def test_work_that_fails_leaves_no_record(tmp_path):
    def fail(_):
        raise ZeroDivisionError

    stages = Stages(tmp_path)
    with pytest.raises(ZeroDivisionError):
        stages.run("melt", fail)
    assert stages.outcomes == {}
    assert not list(tmp_path.rglob("*.json"))
    work = Work()
    Stages(tmp_path).run("melt", work)
    assert len(work.digests) == 1


def test_a_change_reaches_all_later_stages(tmp_path):
    melt, cool, judge, other = Work(), Work(), Work(), Work()

    def run(kT):
        stages = Stages(tmp_path)
        stages.run("melt", melt, depends_on=kT)
        stages.run("other", other)
        stages.run("cool", cool, after=["melt"])
        stages.run("judge", judge, after=["cool", "other"])

    run(1.0)
    run(2.0)
    assert [len(work.digests) for work in (melt, cool, judge, other)] == [2, 2, 2, 1]


def test_another_version_does_everything_again(tmp_path, monkeypatch):
    work = Work()
    Stages(tmp_path).run("melt", work)
    monkeypatch.setattr("gnnglass.__version__", "99.0")
    Stages(tmp_path).run("melt", work)
    assert len(work.digests) == 2


def test_results_are_what_a_file_would_give(tmp_path):
    result = Stages(tmp_path).run("melt", lambda _: {"steps": (1, 2)})
    assert result == {"steps": [1, 2]}


def test_a_result_that_json_cannot_hold_is_not_recorded(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        Stages(tmp_path).run("melt", lambda _: float("nan"))
    assert not list(tmp_path.rglob("*.json"))


def test_a_record_tells_how_long_it_took(tmp_path):
    stages = Stages(tmp_path)
    stages.run("melt", lambda _: None)
    record = json.loads((tmp_path / "stages" / "melt.json").read_text())
    assert record["seconds"] == stages.outcomes["melt"].seconds >= 0


def test_one_process_at_a_time(tmp_path):
    with (
        Stages(tmp_path).alone(),
        pytest.raises(InputError, match="another process"),
        Stages(tmp_path).alone(),
    ):
        pass
    with Stages(tmp_path).alone():
        pass


def test_half_written_files_of_a_killed_process_are_removed(tmp_path):
    left = tmp_path / "runs" / ".glass-000.123.partial.gsd"
    left.parent.mkdir()
    left.touch()
    whole = tmp_path / "runs" / "glass-001.gsd"
    whole.touch()
    with Stages(tmp_path).alone():
        assert not left.exists()
    assert whole.exists()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="cannot write"), Stages(tmp_path / "file" / "x").alone():
        pass


class Noting:
    """Stages that are asked for and not done; what each says it depends on."""

    def __init__(self):
        self.code, self.after, self.outcomes = {}, {}, {}

    def run(self, name, work, *, code=(), after=(), **_):
        self.code[name], self.after[name] = set(code), list(after)


#: What no figure depends on, or depends on for words, files and names alone. Of `simulate` only
#: protocols are used, and finished runs are kept.
PLUMBING = {
    *("errors", "registry", "parallel", "simulate", "study", "__version__"),
    *(
        "_arguments",
        "_files",
        "_options",
        "_progress",
        "_shipped",
        "_show",
        "_toml",
        "_records",
        "_workers",
        "_cluster",
    ),
}


def parts_of(names):
    """Parts of the package that modules and packages belong to."""
    return {name.split(":")[0].split(".")[1] for name in names if name.startswith("gnnglass.")}


def test_stages_name_all_the_code_that_they_run(tmp_path):
    """Whatever a named part of the package imports is named too, by the stage or an earlier one."""
    study = Study.from_dict({**TINY, "null": {"shuffles": 2}})
    stages, workspace = Noting(), Workspace(study, tmp_path, deal(study))
    pipeline._classify(workspace, stages, "inherent")
    pipeline._annotate(workspace, stages)
    pipeline._structure(workspace, stages)
    pipeline._compare(workspace, stages)
    pipeline._nulls(workspace, stages)
    asked = {"train-gnn-inherent", "judge-inherent", "annotate", "structure", "compare", "null-gnn"}
    assert asked <= set(stages.code)

    def named(stage):
        earlier = [one for one in stages.after[stage] if one in stages.code]
        return stages.code[stage].union(*map(named, earlier))

    for stage, code in stages.code.items():
        known = parts_of(named(stage)) | PLUMBING
        for name in code:
            paths = _records._files_of(name.split(":")[0])
            assert paths, name
            for path in paths:
                # Of the study itself functions are named, and its imports are of everything.
                used = set() if ".study" in name else imported(path)
                assert used <= known, f"{stage} uses {used - known} in {path}"


def imported(path):
    """Parts of the package that a module imports, but for its annotations."""
    found = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and id(node) not in for_types:
            if node.module == "gnnglass":
                found |= {alias.name for alias in node.names}
            elif (node.module or "").startswith("gnnglass."):
                found.add(node.module.split(".")[1])
    return found
