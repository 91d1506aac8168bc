import torch

from wellfit.data.batches import batches, epoch_order, gather


def test_an_order_is_a_permutation_of_its_seed_and_epoch() -> None:
    order = epoch_order(1000, seed=3, epoch=2)
    assert order.dtype == torch.int64
    assert order.sort().values.tolist() == list(range(1000))
    assert torch.equal(order, epoch_order(1000, seed=3, epoch=2))
    assert not torch.equal(order, epoch_order(1000, seed=3, epoch=3))
    assert not torch.equal(order, epoch_order(1000, seed=4, epoch=2))


def test_orders_do_not_touch_the_global_generator() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    epoch_order(10, seed=0, epoch=1)
    assert torch.equal(before, torch.get_rng_state())


def test_batches_hold_every_sample_once() -> None:
    order = epoch_order(10, seed=0, epoch=1)
    cut = batches(order, 4)
    assert [len(batch) for batch in cut] == [4, 4, 2]
    assert torch.equal(torch.cat(cut), order)
    stacked = torch.stack([order, order.flip(0)])
    assert [tuple(batch.shape) for batch in batches(stacked, 4)] == [(2, 4), (2, 4), (2, 2)]


def test_gather_is_indexing() -> None:
    x = torch.randint(0, 256, (20, 3, 4, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    rows = torch.tensor([[3, 19, 3], [0, 1, 2]])
    assert torch.equal(gather(x, rows), x[rows])
    assert torch.equal(gather(x, rows[0]), x[rows[0]])
    labels = torch.arange(20)
    assert torch.equal(gather(labels, rows), labels[rows])
    assert gather(x, rows).dtype == torch.uint8
