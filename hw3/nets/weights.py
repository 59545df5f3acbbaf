"""A ResNet50 trained on ImageNet-1k: where its weights may lie, what must be said of them, and how they are read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torchvision.models import ResNet, ResNet50_Weights, resnet50

from hw3.data.download import official
from hw3.data.places import left_behind, reason, text
from hw3.files import DISK_ERRORS, DataError, data_dir, report, sha256

COMPRESSED = "resnet50-imagenet1k-pqf.pth"
URL = ResNet50_Weights.IMAGENET1K_V1.url
NAME = URL.rpartition("/")[2]
TORCHVISION = {  # these names end in the beginning of the file's SHA-256
    "resnet50-0676ba61.pth": "IMAGENET1K_V1",
    "resnet50-19c8e357.pth": "IMAGENET1K_V1",
    "resnet50-11ad3fa6.pth": "IMAGENET1K_V2",
}
KNOWN = (*TORCHVISION, COMPRESSED)


@dataclass(frozen=True)
class Weights:
    """Pretrained weights: where they came from, what must be said of them, their SHA-256."""

    path: Path
    description: str
    notice: str
    digest: str

    @property
    def what(self) -> dict[str, str]:
        """How they stand in a configuration: by content, wherever the file lies."""
        return {"weights": self.digest}


def imagenet_weights() -> Weights | None:
    """Weights of a ResNet50: a file of a known name in ``$HW3_DATA/weights`` or beside it, or torchvision's
    IMAGENET1K_V1 from the cache or by download; None where none can be had.

    Raises:
        DataError: the folder holds other files, or a damaged one.
    """
    data = data_dir()
    path = _at_hand(data) if data else None
    if path is None:
        fetched = official("resnet50", "torchvision", URL, _download, None)
        if fetched is None:
            return None
        path = fetched[0] / NAME
    _refuse_pointer(path)
    digest = sha256(path)
    if path.name == COMPRESSED:
        notice = (
            "The ImageNet weights were decoded from the vector-quantized ResNet50 of Martinez et al., Permute, "
            "Quantize, and Fine-tune (CVPR 2021, github.com/uber-research/permute-quantize-finetune), and are "
            "available under the licence of that project (non-commercial)."
        )
        return Weights(path, "ImageNet weights from a compressed network (Martinez et al. 2021)", notice, digest)
    if not digest.startswith(_prefix(path.name)):
        raise DataError(f"{path} is damaged: its SHA-256 begins with {digest[:8]}, not as its name says; get it again")
    version = TORCHVISION[path.name]
    notice = f"The ImageNet weights are torchvision's {version}."
    return Weights(path, f"torchvision's ImageNet weights, {version}", notice, digest)


def _prefix(name: str) -> str:
    return name.removesuffix(".pth").rpartition("-")[2]


def _at_hand(data: Path) -> Path | None:
    """The file of a known name in ``data/weights`` or in ``data``; None if neither holds a file that could be meant."""
    try:
        places = [place for place in data.iterdir() if place.name.lower() == "weights"]
        files = [file for place in places for file in place.iterdir() if not left_behind(file.name)]
    except OSError as error:
        raise DataError(f"{error.filename} is no folder of weights: {error.strerror}") from error
    files += data.glob("resnet50*.pth")
    known = [file for name in KNOWN for file in files if file.name == name]
    if files and not known:
        names = ", ".join(text(file) for file in sorted(files)[:5])
        raise DataError(f"the weights of a ResNet50 are called {', '.join(KNOWN)}; there are only {names}")
    if known and not known[0].is_file():
        raise DataError(f"{text(known[0])} is no regular file")
    return known[0] if known else None


def _download(folder: Path) -> None:
    for left in folder.iterdir():  # by a download that was killed
        left.unlink()
    report(f"downloading {URL}")
    try:
        torch.hub.download_url_to_file(URL, str(folder / NAME), _prefix(NAME), progress=False)
    except (OSError, RuntimeError) as error:
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            raise
        raise DataError(f"the download of {URL} broke ({reason(error)}); try again") from error


def _refuse_pointer(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(40)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    if start.startswith(b"version https://git-lfs"):
        raise DataError(f"{path} is a git-lfs pointer, not the file itself; run git lfs pull where it comes from")


def load_resnet50(path: Path) -> ResNet:
    """A ResNet50 with the weights of ``path``, as float32; its last layer has as many outputs as they have.

    Raises:
        DataError: the file is damaged or holds another network.
    """
    _refuse_pointer(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # torch raises many kinds for a damaged file, with advice that is better not followed
        raise DataError(f"{path} holds no weights of a ResNet50: it is damaged, or more than weights") from None
    bias = state.get("fc.bias") if isinstance(state, Mapping) else None
    if not isinstance(bias, torch.Tensor) or bias.dim() != 1:
        raise DataError(f"{path} holds no weights of a ResNet50: there is no fc.bias in it")
    model = resnet50(num_classes=len(bias))
    wanted = {name: tensor.shape for name, tensor in model.state_dict().items()}
    sizes = {name: getattr(value, "shape", None) for name, value in state.items()}
    wrong = [name for name in wanted | sizes if wanted.get(name) != sizes.get(name)]
    wrong = [name for name in wrong if not name.endswith("num_batches_tracked")]  # old files have none
    if wrong:
        raise DataError(
            f"{path} holds no weights of a ResNet50: {wrong[0]} does not fit, nor do {len(wrong) - 1} others"
        )
    model.load_state_dict(state)
    return model
