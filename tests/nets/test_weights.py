import errno
import os
import pickle
from pathlib import Path

import pytest
import torch
from torchvision.models import resnet18, resnet50

from hw3.data import download
from hw3.files import DataError, sha256
from hw3.nets import weights
from hw3.nets.weights import COMPRESSED, NAME, TORCHVISION, imagenet_weights, load_resnet50

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 102540417\n"


@pytest.fixture(autouse=True)
def data(tmp_path, clean_cache, monkeypatch):
    """An empty HW3_DATA, an empty cache and no server."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("HW3_DATA", str(folder))
    monkeypatch.setattr(download, "reachable", lambda url: False)
    return folder


def put(path, content=b"some weights"):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def official(monkeypatch, tmp_path):
    """A name as torchvision's, ending in the beginning of the checksum of ``b"some weights"``."""
    name = f"resnet50-{sha256(put(tmp_path / 'some'))[:8]}.pth"
    monkeypatch.setattr(weights, "TORCHVISION", {name: "IMAGENET1K_V1"})
    monkeypatch.setattr(weights, "KNOWN", (name, COMPRESSED))
    return name


def test_the_names_are_torchvisions_own():
    assert NAME == "resnet50-0676ba61.pth"
    assert TORCHVISION["resnet50-0676ba61.pth"] == "IMAGENET1K_V1"
    assert TORCHVISION["resnet50-11ad3fa6.pth"] == "IMAGENET1K_V2"


def test_without_data_and_without_a_server_there_are_no_weights(monkeypatch, data):
    assert imagenet_weights() is None
    (data / "weights").mkdir()
    put(data / "weights" / ".DS_Store")
    assert imagenet_weights() is None
    monkeypatch.delenv("HW3_DATA")
    assert imagenet_weights() is None


@pytest.mark.parametrize("folder", ["weights", "Weights", "."])
def test_compressed_weights_are_used_and_their_licence_is_named(data, folder):
    path = put(data / folder / COMPRESSED)
    put(data / "weights" / "LICENSE.txt")
    at_hand = imagenet_weights()
    assert at_hand.path.samefile(path)
    assert at_hand.digest == sha256(path)
    assert "uber-research/permute-quantize-finetune" in at_hand.notice
    assert "non-commercial" in at_hand.notice


@pytest.mark.parametrize("folder", ["weights", "."])
def test_torchvisions_own_file_is_used_and_preferred(data, official, folder):
    put(data / "weights" / COMPRESSED)
    path = put(data / folder / official)
    at_hand = imagenet_weights()
    assert at_hand.path.samefile(path)
    assert "IMAGENET1K_V1" in at_hand.notice
    assert "IMAGENET1K_V1" in at_hand.description


@pytest.mark.parametrize("name", ["weights/resnet50.pth", "weights/LICENSE.txt", "resnet50-mine.pth"])
def test_files_of_other_names_are_refused_by_name_and_never_passed_over(data, name):
    put(data / name)
    with pytest.raises(DataError, match=rf"are called resnet50-0676ba61\.pth.*there are only .*{name}"):
        imagenet_weights()


def test_a_file_in_the_folders_place_is_refused_by_name(data):
    put(data / "weights")
    with pytest.raises(DataError, match=r"data/weights is no folder"):
        imagenet_weights()


def test_what_is_no_regular_file_is_refused_by_name(data):
    (data / "weights").mkdir()
    os.mkfifo(data / "weights" / COMPRESSED)
    with pytest.raises(DataError, match=rf"{COMPRESSED} is no regular file"):
        imagenet_weights()


def test_a_torchvision_name_on_other_content_is_damage(data, official):
    put(data / "weights" / official, b"some other weights")
    with pytest.raises(DataError, match=rf"{official} is damaged: its SHA-256 begins with"):
        imagenet_weights()


@pytest.mark.parametrize("name", [COMPRESSED, NAME])
def test_a_git_lfs_pointer_is_named_as_such(data, name):
    path = put(data / "weights" / name, POINTER)
    for call in (imagenet_weights, lambda: load_resnet50(path)):
        with pytest.raises(DataError, match=rf"{name} is a git-lfs pointer"):
            call()


def test_a_download_is_made_once_checked_and_kept(monkeypatch, capsys):
    asked = []

    def fetch(url, target, prefix, progress):
        asked.append((url, prefix))
        put(Path(target + ".partial"))
        if len(asked) == 1:
            raise RuntimeError('invalid hash value\n(expected "0676ba61")')
        os.replace(target + ".partial", target)

    monkeypatch.setattr(download, "reachable", lambda url: True)
    monkeypatch.setattr(torch.hub, "download_url_to_file", fetch)
    monkeypatch.setattr(weights, "sha256", lambda path: "0676ba61" + 56 * "0")
    with pytest.raises(DataError, match=rf"the download of https://.*{NAME} broke \(invalid hash value \(expected"):
        imagenet_weights()
    first, second = imagenet_weights(), imagenet_weights()
    assert first == second
    assert first.path.read_bytes() == b"some weights"
    assert asked == [(weights.URL, "0676ba61")] * 2
    assert not list(first.path.parent.glob("*.partial"))  # of the first, broken download
    assert "downloading https" in capsys.readouterr().err


def test_a_full_disk_is_no_broken_download(monkeypatch):
    def fetch(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download, "reachable", lambda url: True)
    monkeypatch.setattr(torch.hub, "download_url_to_file", fetch)
    with pytest.raises(
        DataError, match="No space left on device; free space there, or name another folder by HW3_CACHE"
    ):
        imagenet_weights()


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    torch.manual_seed(0)
    state = {k: v.half() if v.is_floating_point() else v for k, v in resnet50(num_classes=7).state_dict().items()}
    path = tmp_path_factory.mktemp("half") / "resnet50.pth"
    torch.save(state, path)
    return path


def test_half_precision_weights_become_float32(half):
    model, state = load_resnet50(half), torch.load(half)
    assert model.fc.out_features == 7
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert all(torch.equal(value, state[name].to(value.dtype)) for name, value in model.state_dict().items())


def test_old_files_without_batch_counters_are_read(tmp_path, half):
    state = {k: v for k, v in torch.load(half).items() if not k.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "old.pth")
    assert load_resnet50(tmp_path / "old.pth").fc.out_features == 7


class Evil:
    def __reduce__(self):
        return (print, ("run",))


def saved(content):
    def write(path):
        torch.save(content, path)

    return write


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda path: path.write_bytes(b""), "damaged"),
        (lambda path: path.write_bytes(b"no weights"), "damaged"),
        (lambda path: path.write_bytes(pickle.dumps(Evil())), "damaged, or more than weights"),
        (saved([1, 2]), r"no fc\.bias"),
        (saved({"fc.bias": 3}), r"no fc\.bias"),
        (saved({"state_dict": {}}), r"no fc\.bias"),
        (saved({"fc.bias": torch.zeros(3)}), r"conv1\.weight does not fit, nor do \d+ others"),
        (lambda path: torch.save(resnet18().state_dict(), path), "does not fit"),
    ],
)
def test_what_holds_no_resnet50_is_named_in_one_line_of_our_own(tmp_path, write, words, capsys):
    write(tmp_path / "broken.pth")
    with pytest.raises(DataError, match=rf"broken\.pth holds no weights of a ResNet50: .*{words}") as refusal:
        load_resnet50(tmp_path / "broken.pth")
    assert "\n" not in str(refusal.value)
    assert "weights_only" not in str(refusal.value)
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None  # nor is torch's the cause
    assert capsys.readouterr().out == ""


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.pth cannot be read: No such file"):
        load_resnet50(tmp_path / "nowhere.pth")
