"""Data sets of the hub: found as a downloaded folder or in the hub's own cache, never downloaded."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import png

from evalkit.errors import ConfigError
from evalkit.sources.base import Inside
from evalkit.sources.hub import Hub

REPO = "BoKelvin/SLAKE"
OLD, NEW = "9" * 40, "1" * 40


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's home, empty, in a folder of the test's own."""
    home = tmp_path / "home"
    monkeypatch.setenv("HF_HOME", str(home))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    return home


def write(file: Path, word: str = "x") -> Path:
    """A JSON file of one row."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([{"id": word}]), encoding="utf-8")
    return file


def snapshot(home: Path, commit: str, name: str = "test.json", repo: str = REPO) -> Path:
    """A file in the cache as the hub lays it out: the bytes under blobs/, the name a link to them."""
    base = home / "hub" / f"datasets--{repo.replace('/', '--')}"
    blob = write(base / "blobs" / f"{commit}{Path(name).name}", commit)
    link = base / "snapshots" / commit / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(blob)
    return link


def point(home: Path, ref: str, commit: str) -> None:
    """Makes a branch or tag of the cached data set mean a commit."""
    file = home / "hub" / "datasets--BoKelvin--SLAKE" / "refs" / ref
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(commit, encoding="utf-8")


@pytest.mark.parametrize("form", ["BoKelvin/SLAKE", "BoKelvin--SLAKE", "SLAKE"])
def test_a_downloaded_folder_is_found(tmp_path: Path, form: str) -> None:
    """A copy in a data folder is found as `owner/name`, `owner--name` or `name`."""
    file = write(tmp_path / "data" / form / "test.json")
    hub = Hub(REPO, "test.json")

    found = hub.find([tmp_path / "none", tmp_path / "data"])

    assert found == file
    assert list(hub.rows(found)) == [{"id": "x"}]


def test_the_cache_is_found(home: Path) -> None:
    """A data set that the hub's own tools downloaded is found in its cache without any data folder."""
    link = snapshot(home, NEW)
    hub = Hub(REPO, "test.json")

    assert hub.find([]) == link
    assert list(hub.rows(link)) == [{"id": NEW}]


def test_the_cache_may_lie_elsewhere(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HF_HUB_CACHE names the cache itself and goes before HF_HOME."""
    link = snapshot(home, NEW)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "other"))
    assert Hub(REPO, "test.json").find([]) is None

    monkeypatch.setenv("HF_HUB_CACHE", str(home / "hub"))

    assert Hub(REPO, "test.json").find([]) == link


def test_a_data_folder_goes_before_the_cache(tmp_path: Path, home: Path) -> None:
    """What the user put into a data folder is taken first."""
    snapshot(home, NEW)
    file = write(tmp_path / "data" / "SLAKE" / "test.json")

    assert Hub(REPO, "test.json").find([tmp_path / "data"]) == file


def test_a_revision_is_kept_to(home: Path) -> None:
    """Where a commit is named, that snapshot is taken and no other."""
    snapshot(home, NEW)
    old = snapshot(home, OLD)

    assert Hub(REPO, "test.json", revision=OLD).find([]) == old
    assert Hub(REPO, "test.json", revision="5" * 40).find([]) is None


def test_the_snapshot_that_main_means_is_taken(home: Path) -> None:
    """Of several snapshots the one that `refs/main` names is taken, as the hub's own tools do."""
    snapshot(home, "1" * 40)
    newest = snapshot(home, "9" * 40)
    point(home, "main", "9" * 40)

    assert Hub(REPO, "test.json").find([]) == newest


def test_a_branch_or_tag_is_looked_up(home: Path) -> None:
    """A revision that is a branch or a tag means the commit that `refs/` has for it."""
    snapshot(home, NEW)
    tagged = snapshot(home, OLD)
    point(home, "v1.0", OLD)

    assert Hub(REPO, "test.json", revision="v1.0").find([]) == tagged


def test_shards_are_found_and_their_pictures_read(tmp_path: Path) -> None:
    """A pattern of Parquet shards is found and read, pictures included, by the source of that kind."""
    folder = tmp_path / "data" / "flaviagiammarino" / "vqa-rad" / "data"
    folder.mkdir(parents=True)
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    for number, shade in enumerate((10, 20)):
        images = pa.array([{"bytes": png(shade), "path": None}], kind)
        pq.write_table(
            pa.table({"question": [f"q{number}"], "image": images}), folder / f"test-0000{number}-of-00002.parquet"
        )
    hub = Hub("flaviagiammarino/vqa-rad", "data/test-*.parquet")

    found = hub.find([tmp_path / "data"])

    assert found is not None
    rows = list(hub.rows(found))
    assert [row["question"] for row in rows] == ["q0", "q1"]
    assert all(isinstance(row["image"], Inside) for row in rows)
    assert [hub.read_image(found, str(row["image"])) for row in rows] == [png(10), png(20)]


def test_what_is_nowhere_is_not_found(tmp_path: Path) -> None:
    """Without a copy in a data folder or in the cache there is nothing, and nothing is downloaded."""
    write(tmp_path / "data" / "SLAKE" / "train.json")

    assert Hub(REPO, "test.json").find([tmp_path / "data"]) is None


def test_the_message_is_the_command_that_downloads_it() -> None:
    """What to do is the whole command, into the folder where it will be found."""
    assert (
        Hub(REPO, "test.json")
        .whereabouts()
        .endswith("download --repo-type dataset BoKelvin/SLAKE --local-dir DATA/BoKelvin/SLAKE")
    )


def test_the_command_exists() -> None:
    """The program in that command is one that the hub's package installs."""
    try:
        scripts = importlib.metadata.distribution("huggingface_hub").entry_points
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("huggingface_hub is not installed")

    assert Hub(REPO, "test.json").whereabouts().split()[0] in {each.name for each in scripts}


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    """A file that no source reads raises ConfigError that lists the kinds that can be read."""
    with pytest.raises(ConfigError, match=r"hub file 'test\.arrow': \.json, \.jsonl, \.csv, \.parquet can be read"):
        list(Hub(REPO, "test.arrow").rows(tmp_path / "test.arrow"))
