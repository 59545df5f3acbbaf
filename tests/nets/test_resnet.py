import pytest
import torch
from torch import nn
from torchvision.models import resnet50

from hw3.data import DataError
from hw3.learn.features import extract, prepare
from hw3.learn.precision import Precision
from hw3.nets import resnet
from hw3.nets.resnet import FrozenBackbone, imagenet_weights, load_resnet50


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "resnet50.pth"
    torch.save(
        {k: v.half() if v.is_floating_point() else v for k, v in resnet50(num_classes=7).state_dict().items()}, path
    )
    return path


def test_half_precision_weights_become_float32(weights):
    model = load_resnet50(weights)
    assert model.fc.out_features == 7
    assert {p.dtype for p in model.parameters()} == {torch.float32}


@pytest.mark.parametrize("content", [b"", b"no weights"])
def test_a_damaged_file_is_named(tmp_path, content):
    path = tmp_path / "broken.pth"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"broken\.pth holds no weights"):
        load_resnet50(path)


def test_a_pickle_that_would_run_code_is_refused(tmp_path):
    import pickle

    class Evil:
        def __reduce__(self):
            return (print, ("run",))

    (tmp_path / "evil.pth").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(DataError, match=r"evil\.pth"):
        load_resnet50(tmp_path / "evil.pth")


def test_without_data_and_without_a_server_there_are_no_weights(monkeypatch, clean_cache):
    monkeypatch.delenv("HW3_DATA", raising=False)
    monkeypatch.setattr(resnet, "reachable", lambda url: False)
    assert imagenet_weights() is None


def test_the_frozen_part_stays_bit_identical(weights, clean_cache):
    backbone = FrozenBackbone(load_resnet50(weights))
    before = {k: v.clone() for k, v in backbone.state_dict().items()}
    probe = nn.Sequential(backbone, nn.Linear(2048, 3)).train()
    assert not backbone.training
    assert not any(module.training for module in backbone.modules())
    optimizer = torch.optim.SGD(probe.parameters(), lr=1.0)
    images = torch.randn(4, 3, 32, 32)
    for _ in range(2):
        probe(images).square().mean().backward()
        optimizer.step()
    extract(backbone, torch.zeros(4, 3, 32, 32, dtype=torch.uint8), "test", 32)
    after = backbone.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_features_are_those_of_the_network_and_are_made_once(weights, clean_cache):
    backbone = FrozenBackbone(load_resnet50(weights))
    images = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
    told = []
    plain = Precision()
    found = extract(backbone, images, "key", 40, True, plain, told.append, batch_size=2)
    expected = backbone(prepare(images, 40, True))
    assert torch.allclose(torch.from_numpy(found.copy()).float(), expected, rtol=1e-2, atol=1e-3)
    assert told
    again = extract(backbone, images, "key", 40, True, plain, lambda line: pytest.fail("made twice"))
    assert (again == found).all()
    for change in ({"key": "other"}, {"resolution": 48}, {"normalize": False}):
        arguments = {"key": "key", "resolution": 40, "normalize": True} | change
        changed = extract(backbone, images, precision=plain, batch_size=2, **arguments)
        assert (changed == found).all() == ("key" in change)
    assert len(list((clean_cache / "features").glob("*.npy"))) == 4


def test_prepared_images_are_scaled_and_standardized():
    image = torch.full((1, 3, 32, 32), 255, dtype=torch.uint8)
    assert torch.equal(prepare(image, 32, False), torch.ones(1, 3, 32, 32))
    white = prepare(image, 64, True)[0, :, 0, 0]
    assert white.tolist() == pytest.approx(
        [(1 - m) / s for m, s in zip((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True)], rel=1e-4
    )
