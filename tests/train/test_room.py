"""Memory that is used again: the same for the same question, enough for any other."""

from __future__ import annotations

import torch

from wellfit.train.room import Room


def test_the_same_question_gets_the_same_memory() -> None:
    room, like = Room(), torch.empty(0)
    first = room.take("a", like, 2, 3).fill_(7)
    again = room.take("a", like, 2, 3)
    assert again.data_ptr() == first.data_ptr()
    assert torch.equal(again, torch.full((2, 3), 7.0))
    assert room.take("b", like, 2, 3).data_ptr() != first.data_ptr()


def test_a_smaller_one_fits_into_what_is_there() -> None:
    room, like = Room(), torch.empty(0)
    first = room.take("a", like, 4, 6)
    smaller = room.take("a", like, 3, 5)
    assert smaller.shape == (3, 5)
    assert smaller.is_contiguous()
    assert smaller.data_ptr() == first.data_ptr()
    assert room.take("a", like, 4, 6).data_ptr() == first.data_ptr()
    assert room.take("a", like, 5, 6).shape == (5, 6)


def test_another_kind_is_made_anew() -> None:
    room = Room()
    for dtype in (torch.float32, torch.bfloat16, torch.int64, torch.float32):
        like = torch.empty(0, dtype=dtype)
        found = room.take("a", like, 2, 3)
        assert (found.dtype, found.shape) == (dtype, (2, 3))
    take = room.taker(torch.empty(0, dtype=torch.float64))
    assert take("a", 6).dtype == torch.float64
