"""Both ways to compute Adam against torch.optim, over several steps, layouts and dtypes."""

import pytest
import torch

from harness.training.adam import Adam, fused_update, plain_update


@pytest.mark.parametrize("update", [plain_update, fused_update])
@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_equals_torch(update, dtype, rtol):
    torch.manual_seed(0)
    start = [torch.randn(4, 3, 3, 3, dtype=dtype).contiguous(memory_format=torch.channels_last), torch.randn(5, dtype=dtype)]
    ours, theirs = ([value.clone().requires_grad_() for value in start] for _ in range(2))
    adam = Adam(ours, 0.01, (0.5, 0.99), 1e-7, update)
    expected = torch.optim.Adam(theirs, 0.01, (0.5, 0.99), 1e-7)
    for _ in range(4):
        gradients = [torch.randn(value.shape, dtype=dtype) for value in start]  # contiguous, unlike the first parameter
        for parameter, gradient in zip(theirs, gradients, strict=True):
            parameter.grad = gradient.clone()
        expected.step()
        adam.step(gradients)
    torch.testing.assert_close(ours, theirs, rtol=rtol, atol=rtol)
    torch.testing.assert_close(adam.v, [expected.state[parameter]["exp_avg_sq"] for parameter in theirs], rtol=rtol, atol=0)


def test_restored_state_goes_on_bit_for_bit():
    torch.manual_seed(0)
    parameters = [torch.randn(3, 2, requires_grad=True)]
    adam = Adam(parameters, 0.1, (0.5, 0.99), 1e-7, fused_update)
    adam.step([torch.ones(3, 2)])
    other = Adam([parameters[0].detach().clone().requires_grad_()], 0.1, (0.5, 0.99), 1e-7, fused_update)
    other.restore({name: value.clone() for name, value in adam.tensors().items()})
    for optimizer in (adam, other):
        optimizer.step([torch.full((3, 2), -2.0)])
    assert torch.equal(other.parameters[0], adam.parameters[0])
