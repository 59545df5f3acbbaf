import pytest
import torch

from hw3.data import loader


def test_batches_cover_every_sample_once_and_keep_tensors_together():
    images = torch.arange(10 * 3 * 2 * 2, dtype=torch.uint8).view(10, 3, 2, 2)
    labels = torch.arange(10)
    batches = list(loader(images, labels, batch_size=4))
    assert [len(batch[1]) for batch in batches] == [4, 4, 2]
    assert torch.equal(torch.cat([batch[0] for batch in batches]), images)
    for picked, names in loader(images, labels, batch_size=3, seed=0):
        assert torch.equal(picked, images[names])


@pytest.mark.parametrize("channels_last", [True, False])
def test_the_memory_layout_is_as_asked(channels_last):
    layout = torch.channels_last if channels_last else torch.contiguous_format
    for (batch,) in loader(torch.zeros(8, 3, 5, 5), batch_size=4, seed=0, channels_last=channels_last):
        assert batch.is_contiguous(memory_format=layout)


def test_the_order_depends_on_seed_and_epoch_alone():
    def order(seed, epoch):
        batches = loader(torch.arange(50), batch_size=10, seed=seed)
        batches.sampler.set_epoch(epoch)
        return torch.cat([batch[0] for batch in batches]).tolist()

    assert order(0, 3) == order(0, 3)
    assert sorted(order(0, 3)) == list(range(50))
    assert len({tuple(order(seed, epoch)) for seed in (0, 1) for epoch in (0, 1)}) == 4


def test_too_few_samples_and_unequal_lengths_are_named():
    with pytest.raises(ValueError, match="3 samples do not fill one batch of 4"):
        loader(torch.zeros(3), batch_size=4, seed=0)
    with pytest.raises(ValueError, match=r"\[3, 2\]"):
        loader(torch.zeros(3), torch.zeros(2), batch_size=1)
