"""The averaged generator against its closed form."""

import torch
from torch import nn

from harness.training.ema import Ema


def test_average_is_the_closed_form_for_weights_and_statistics():
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).double()
    ema, history = Ema(net, 0.9), [{name: value.clone() for name, value in net.state_dict().items()}]
    for _ in range(4):
        with torch.no_grad():
            for tensor in (*net.parameters(), net[1].running_mean, net[1].running_var):
                tensor.add_(torch.rand_like(tensor))
        net[1].num_batches_tracked += 1
        ema.update()
        history.append({name: value.clone() for name, value in net.state_dict().items()})
    for name, average in ema.module.state_dict().items():
        if average.is_floating_point():
            expected = 0.9**4 * history[0][name] + sum(0.1 * 0.9 ** (4 - k) * history[k][name] for k in range(1, 5))
            torch.testing.assert_close(average, expected)
    assert ema.module[1].num_batches_tracked == 4


def test_the_average_neither_trains_nor_follows_by_reference():
    net = nn.Linear(2, 2)
    ema = Ema(net, 0.5)
    assert not ema.module.training
    assert not any(parameter.requires_grad for parameter in ema.module.parameters())
    assert ema.module.weight.data_ptr() != net.weight.data_ptr()
