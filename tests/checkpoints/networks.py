"""Our networks with the weights of a published checkpoint."""

from lada.discriminator import Discriminator
from lada.generator import Generator
from pipelines.published.convert import Published


def network_of(published: Published, weights: str = "ema_generator") -> Generator | Discriminator:
    """A generator or the discriminator, in eval mode."""
    if weights == "discriminator":
        network, state = Discriminator(published.discriminator), published.discriminator_state()
    else:
        network, state = Generator(published.generator), published.generator_state(weights)
    network.load_state_dict(state)
    return network.eval()
